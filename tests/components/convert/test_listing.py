"""The list of published weights: found ones, missing ones, and their folders."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from components.convert.convert import FORMATS
from components.convert.listing import installed, print_weights
from components.convert.published.all_weights import PUBLISHED_WEIGHTS
from components.convert.published.open_unmix import PUBLISHED
from tests.support.source import ROOT


def _printed() -> dict[tuple[str, str], str]:
    """Return the printed row of every package and kind."""
    out = io.StringIO()
    print_weights(Console(file=out, width=400))
    rows = (line.split() for line in out.getvalue().splitlines()[1:])
    return {(row[0], row[2]): " ".join(row) for row in rows}


def test_listing_finds_weights_in_the_folders_of_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    before = _printed()[("openunmix", "open-unmix")]
    first = PUBLISHED["umxhq"].files["vocals"]
    assert f"– umxhq, umx, umxl, umxse Open-Unmix umxhq: {first} is not in {cache}: put its weights there" in before
    for file in PUBLISHED["umxhq"].files.values():
        (cache / file).touch()
    assert " umxhq umx, umxl, umxse Open-Unmix umx: " in _printed()[("openunmix", "open-unmix")]
    music = tmp_path / "hub" / "torchaudio" / "models"
    music.mkdir(parents=True)
    (music / "hdemucs_high_trained.pt").touch()
    assert (
        f" hdemucs_high_trained hdemucs_high_musdbhq_only Hybrid Demucs: hdemucs_high_musdbhq_only.pt is not in {music}"
        in (_printed()[("torchaudio", "hdemucs")])
    )


def test_listing_names_every_published_weight_and_missing_packages() -> None:
    printed = _printed()
    assert list(PUBLISHED_WEIGHTS) == [kind for kind in FORMATS if kind in PUBLISHED_WEIGHTS]
    for kind, published in PUBLISHED_WEIGHTS.items():
        for weights in published:
            assert weights.source in printed[(weights.package, kind)]
    assert installed("torchaudio")[0].isdigit()
    assert installed("no-such-package-as-this") == "no"


def test_listing_imports_no_torch() -> None:
    code = (
        "import sys\nfrom components.convert.listing import run\nrun()\n"
        "print(sorted({'torch', 'mlflow', 'onnx'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
