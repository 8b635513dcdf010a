"""The list of `stemline systems`: the size of every system, and whether a comparison has trained it here."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from components.compare.systems import listing
from components.compare.systems.listing import count_weights, print_systems
from components.compare.systems.system_registry import SYSTEMS
from tests.components.compare.made_up_scores import made_costs


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the printed lines by system: one was trained as published, one small, and one was not measured."""
    monkeypatch.setattr(listing, "WORKSPACE", tmp_path)
    for name, small in (("unet", False), ("wave-unet", True)):
        folder = tmp_path / "compare" / "systems" / name
        (folder / "model").mkdir(parents=True)
        made_costs(weights=count_weights(SYSTEMS[name], small)).write(folder)
    (tmp_path / "compare" / "systems" / "d3net" / "model").mkdir(parents=True)
    out = io.StringIO()
    print_systems(Console(file=out, width=300))
    return {line.split()[0]: " ".join(line.split()) for line in out.getvalue().splitlines()[1:]}


def test_list_has_a_line_with_sizes_for_every_system(printed: dict[str, str]) -> None:
    assert list(printed) == list(SYSTEMS)
    weights = count_weights(SYSTEMS["spleeter-4"], small=False)
    assert f"spleeter-4 spectrogram 4 {weights / 1e6:.2f} " in printed["spleeter-4"]


def test_list_names_trained_systems_and_their_sizes(printed: dict[str, str]) -> None:
    assert " trained U-Net" in printed["unet"]
    assert " trained, small Wave-U-Net" in printed["wave-unet"]
    assert " trained D3Net" in printed["d3net"]
    assert " untrained Spleeter" in printed["spleeter"]


def test_list_names_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("demucs", "demucs.htdemucs"):
        monkeypatch.setitem(sys.modules, name, None)
    out = io.StringIO()
    print_systems(Console(file=out, width=300))
    [line] = [line for line in out.getvalue().splitlines() if line.startswith("htdemucs ")]
    assert "demucs" in line.split(" – ", 1)[1]
