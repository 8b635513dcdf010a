"""The tests mirror the product: each folder of tests has the path of the folder with the tested code."""

from tests.support.source import ROOT

MIRRORED = ("components", "pipelines", "docker", "benchmarks", "demo_songs")


def test_folders_of_tests_have_a_folder_of_the_product() -> None:
    for name in MIRRORED:
        for path in (ROOT / "tests" / name).rglob("test_*.py"):
            folder = path.parent.relative_to(ROOT / "tests")
            assert (ROOT / folder).is_dir(), f"tests/{folder} tests no folder of the product"


def test_folders_of_tests_have_known_names() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    assert folders <= {*MIRRORED, "support"}
