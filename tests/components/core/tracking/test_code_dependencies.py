"""The code that can change a result follows from the imports of a small project."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.core.tracking.code_dependencies import (
    ANY_NETWORK,
    NO_INFLUENCE,
    ROOT,
    code_digest,
    imported_files,
    stage_code,
    stale_stages,
    write_dependencies,
)

FILES = {
    "components/__init__.py": '"""The work."""\n',
    "components/core/__init__.py": "",
    "components/core/base/__init__.py": "",
    "components/core/base/errors.py": "import components.core.sound.stft\n",
    "components/core/sound/__init__.py": '"""Sound."""\n',
    "components/core/sound/stft.py": "",
    "components/core/sound/hop.py": "",
    "components/core/networks/__init__.py": "",
    "components/core/networks/architecture_registry.py": "",
    "components/core/networks/building.py": "",
    "components/core/networks/architectures/__init__.py": "",
    "components/core/networks/architectures/unet.py": "",
    "components/core/networks/architectures/demucs.py": "from components.core.sound import hop\n",
    "components/core/networks/layers.py": "",
    "components/core/networks/gates.py": "",
    "components/core/networks/unet.py": (
        "from components.core.networks.layers import x\nfrom components.core.networks.architectures import unet\n"
    ),
    "components/core/networks/demucs.py": "from components.core.networks import gates\n",
    "components/train/__init__.py": "",
    "components/train/__main__.py": "from components.train.loop import run\n",
    "components/train/loop.py": (
        "from components.core.base.errors import UserError\nfrom components.core.sound import hop\n"
        "def run():\n    from components.core.networks.architecture_registry import parse\n"
        "    from components.core.networks.building import build\n"
    ),
    "dvc.yaml": (
        "# The stages.\nstages:\n  train:\n    cmd: python -m components.train\n    deps:\n"
        "      - components/train\n      - components/gone.py\n      - workspace/cache\n"
    ),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_stage_depends_on_its_folder_and_its_imports(project: Path) -> None:
    assert stage_code("train", project) == [
        "components/train",
        f"components/core/networks/{ANY_NETWORK}.py",
        "components/core/networks/architecture_registry.py",
        f"components/core/networks/architectures/{ANY_NETWORK}.py",
        "components/core/networks/building.py",
        "components/core/networks/gates.py",
        "components/core/networks/layers.py",
        "components/core/sound/hop.py",
    ]


@pytest.mark.parametrize(
    ("changed", "influences"),
    [
        ("components/train/loop.py", True),
        ("components/core/sound/hop.py", True),
        ("components/core/networks/unet.py", True),
        ("components/core/networks/layers.py", True),
        ("components/core/networks/architectures/unet.py", True),
        ("components/core/networks/architectures/demucs.py", False),
        ("components/core/networks/demucs.py", False),
        ("components/core/networks/gates.py", False),
        ("components/core/base/errors.py", False),
        ("components/core/sound/stft.py", False),
    ],
)
def test_digest_changes_with_the_used_code(project: Path, changed: str, influences: bool) -> None:
    before = code_digest("train", "unet", project)
    with (project / changed).open("a") as file:
        file.write("# changed\n")
    assert (code_digest("train", "unet", project) != before) == influences


def test_new_architecture_makes_no_training_stale(project: Path) -> None:
    before = code_digest("train", "unet", project), stage_code("train", project)
    for folder in ("networks", "networks/architectures"):
        (project / "components/core" / folder / "new.py").write_text("")
    assert (code_digest("train", "unet", project), stage_code("train", project)) == before


def test_dvc_yaml_is_checked_and_written(project: Path) -> None:
    path = project / "dvc.yaml"
    assert "components/gone.py" in stale_stages(path, project)["train"]
    write_dependencies(path, project)
    assert stale_stages(path, project) == {}
    written = path.read_text()
    assert "components/gone.py" not in written
    assert written.startswith("# The stages.")
    assert written.rstrip().endswith("- workspace/cache")


@pytest.mark.slow
def test_served_code_is_enough_to_import_the_model(tmp_path: Path) -> None:
    """The files of the served code are enough to import it."""
    for file in imported_files(["components.core.models.model_folder"], "unet"):
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from components.core.models import model_folder; print(model_folder.__file__)"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", code, str(tmp_path)], capture_output=True, text=True, check=False, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))
    assert not (tmp_path / "components/core/networks/demucs.py").exists()


def test_modules_without_influence_exist() -> None:
    places = [ROOT.joinpath(*module.split(".")) for module in NO_INFLUENCE]
    assert [place for place in places if not (place.is_dir() or place.with_suffix(".py").is_file())] == []
