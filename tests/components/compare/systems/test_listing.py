"""The list of `stemline systems`: the size of every system, and whether a comparison has trained it here."""

import io
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console

from components.compare.systems import listing
from components.compare.systems.listing import print_systems
from components.compare.systems.sizes import WEIGHTS
from components.compare.systems.system_registry import SYSTEMS
from tests.components.compare.made_up_scores import made_costs


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the printed lines by system: one was trained as published, one small, and one was not measured."""
    monkeypatch.setattr(listing, "WORKSPACE", tmp_path)
    for name, small in (("unet", False), ("wave-unet", True)):
        folder = tmp_path / "compare" / "systems" / name
        (folder / "model").mkdir(parents=True)
        made_costs(weights=WEIGHTS[name][small]).write(folder)
    (tmp_path / "compare" / "systems" / "d3net" / "model").mkdir(parents=True)
    out = io.StringIO()
    print_systems(Console(file=out, width=300))
    return {line.split()[0]: " ".join(line.split()) for line in out.getvalue().splitlines()[1:]}


def test_list_has_a_line_with_sizes_for_every_system(printed: dict[str, str]) -> None:
    assert list(printed) == list(SYSTEMS)
    assert f"spleeter-4 spectrogram 4 {WEIGHTS['spleeter-4'][0] / 1e6:.2f} " in printed["spleeter-4"]


def test_list_names_trained_systems_and_their_sizes(printed: dict[str, str]) -> None:
    assert " trained U-Net" in printed["unet"]
    assert " trained, small Wave-U-Net" in printed["wave-unet"]
    assert " trained D3Net" in printed["d3net"]
    assert " untrained Spleeter" in printed["spleeter"]


def test_list_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_version(package: str) -> str:
        if package == "demucs":
            raise metadata.PackageNotFoundError(package)
        return "1.0"

    monkeypatch.setattr(metadata, "version", find_version)
    out = io.StringIO()
    print_systems(Console(file=out, width=300))
    [line] = [line for line in out.getvalue().splitlines() if line.startswith("htdemucs ")]
    assert "needs demucs: pip install 'stemline[systems]'" in line
