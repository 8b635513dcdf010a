"""The tests mirror the product: a folder of tests stands where the folder with the tested code stands."""

from tests.support.source import ROOT

MIRRORED = ("components", "pipelines", "docker", "benchmarks", "demo_songs")


def test_each_folder_of_tests_has_a_folder_of_the_product() -> None:
    for name in MIRRORED:
        for path in (ROOT / "tests" / name).rglob("test_*.py"):
            folder = path.parent.relative_to(ROOT / "tests")
            assert (ROOT / folder).is_dir(), f"tests/{folder} tests no folder of the product"


def test_each_room_of_tests_is_named() -> None:
    rooms = {path.parent.name for path in (ROOT / "tests").glob("*/*.py")}
    assert rooms <= {*MIRRORED, "support"}
