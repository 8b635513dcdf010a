"""The shipped model loads, comes from the published weights, and its scores equal its card."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import stempeg
import torch

from components.convert.convert import convert
from components.convert.published.spleeter import PACKAGE
from components.core.base.files import digest_file
from components.core.data.manifest import StemFile, Track
from components.core.data.score_tables import METRICS
from components.core.models.model_description import WEIGHTS
from components.core.models.model_folder import load_model
from components.core.sound import decoding
from components.evaluate.scoring.systems import separate_by_model
from components.evaluate.scoring.track_scores import median_of_frames, score_track
from components.evaluate.scoring.track_signals import read_signals
from tests.support.source import ROOT

SHIPPED = ROOT / "models" / "vocal-isolation"
CARD = (SHIPPED / "MODEL_CARD.md").read_text(encoding="utf-8")
STREAMS = ("mixture", "drums", "bass", "other", "vocals")


def _row(dataset: str, target: str) -> dict[str, float]:
    """Return the model's medians of a target as the exported table has them."""
    table = pd.read_csv(SHIPPED / "scores" / dataset / "table.csv")
    chosen = table[(table["system"] == "model") & (table["target"] == target)].drop(columns=["system", "target"])
    return {str(name): float(value) for name, value in chosen.to_dict("records")[0].items()}


def _excerpt() -> Track:
    """Return the excerpt of MUSDB18 that stempeg ships, as the data set `demo` tests with it."""
    path = Path(stempeg.example_stem_path())
    stems = {}
    for stream, name in enumerate(STREAMS):
        samples, rate = decoding.read_audio(path, stream)
        stems[name] = StemFile(name, path, stream, digest_file(path), samples.shape[1], rate, samples.shape[0])
    return Track("demo/The Easton Ellises - Falcon 69", "The Easton Ellises", "Falcon 69", "demo", "test", stems)


@pytest.mark.slow
def test_scores_of_the_excerpt_equal_the_card() -> None:
    torch.set_num_threads(1)
    model = load_model(SHIPPED)
    mixture, references = read_signals(model, _excerpt())
    estimates = separate_by_model(model, mixture, references)
    scores = score_track("excerpt", "model", model.targets, references, estimates, model.rate)
    for target, values in zip(model.targets, scores.values, strict=True):
        found = [median_of_frames(frames) for frames in values]
        stated = [_row("demo", target)[metric] for metric in METRICS]
        assert found == pytest.approx(stated, abs=0.05)  # rounding differs between processors
        sdr, sir, sar, isr = stated
        assert f"| model | {target} | {sdr:.2f} | {sir:.2f} | {sar:.2f} | {isr:.2f} |" in CARD
    assert np.abs(estimates.sum(axis=0) - mixture).max() < 1e-4


def test_scores_of_the_test_tracks_pass_the_bars_and_equal_the_card() -> None:
    for target, bar in (("vocals", 6.3), ("accompaniment", 10.8)):
        row = _row("musdb18-7s", target)
        assert row["SDR"] >= bar
        assert row["tracks"] == 25
        assert f"| model | {target} | {row['SDR']:.2f} ({row['SDR_low']:.2f} to {row['SDR_high']:.2f})" in CARD


@pytest.mark.slow
def test_weights_are_the_published_ones(tmp_path: Path) -> None:
    """The command in the card makes them again, bit for bit."""
    model = load_model(SHIPPED)
    convert("spleeter", (PACKAGE,), tmp_path / "made", model.origin["options"], "fp16")
    made = load_model(tmp_path / "made")
    assert made.digest == model.digest
    assert made.network == model.network
    assert made.origin["files"] == model.origin["files"]


def test_shipped_model_is_small_and_its_card_and_scores_belong_to_it() -> None:
    model = load_model(SHIPPED)
    assert (SHIPPED / WEIGHTS).stat().st_size < 45e6
    assert model.digest in CARD
    assert all(digest in CARD for digest in model.origin["files"].values())
    assert "MIT" in CARD
    for test in SHIPPED.glob("scores/*/test.json"):
        assert json.loads(test.read_text(encoding="utf-8"))["model"] == model.digest
