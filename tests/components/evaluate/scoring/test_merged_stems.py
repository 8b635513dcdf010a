"""Models with more targets than the data have stems."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from components.core.base.errors import UserError
from components.core.data.manifest import Track, write_manifest
from components.core.models.model_folder import load_model
from components.core.separating.postprocessing import post_processed
from components.core.separating.postprocessing_config import PostProcessing
from components.evaluate.evaluate import evaluate
from components.evaluate.scoring.merged_stems import merge_targets, merged_targets, with_post
from tests.components.evaluate.evaluate_music import evaluate_config, noise, save_tiny_model, write_track

FOUR = ("vocals", "drums", "bass", "other")
SIX = (*FOUR, "guitar", "piano")


def _track(folder: Path, title: str, stems: tuple[str, ...]) -> Track:
    return write_track(folder, title, {name: noise(number, 0.05) for number, name in enumerate(stems)})


@pytest.mark.parametrize(
    ("targets", "stems", "merged"),
    [
        (SIX, [FOUR], ("guitar", "piano")),
        (("piano", *FOUR), [FOUR, SIX], ("piano",)),
        (SIX, [SIX], ()),
        (FOUR, [("vocals", "accompaniment")], ("drums", "bass")),
        (("vocals", "piano"), [FOUR], ()),
        (("other", "no-other", "piano"), [FOUR], ()),
        (FOUR, [("drums", "bass", "other")], ()),
    ],
)
def test_targets_that_a_track_lacks_are_merged_into_other(
    targets: tuple[str, ...], stems: list[tuple[str, ...]], merged: tuple[str, ...], tmp_path: Path
) -> None:
    tracks = [_track(tmp_path, str(number), found) for number, found in enumerate(stems)]
    assert merged_targets(targets, tracks) == merged


def test_merged_estimates_are_added_to_other_after_post_processing(tmp_path: Path) -> None:
    model = load_model(save_tiny_model(tmp_path, ("vocals", "piano", "drums", "other", "guitar")))
    assert merge_targets(model, ()) is model
    merged = merge_targets(model, ("piano", "guitar"))
    assert merged.targets == ("vocals", "drums", "other")
    mixture = 0.1 * torch.randn(1, 2, 20000, generator=torch.Generator().manual_seed(0))
    wiener = PostProcessing(method="wiener")
    with torch.inference_mode():
        for found, whole in (
            (merged.separator(mixture), model.separator(mixture)),
            (with_post(merged.separator, wiener)(mixture), post_processed(model.separator, wiener)(mixture)),
        ):
            assert torch.equal(found[:, :2], whole[:, [0, 2]])
            assert torch.equal(found[:, 2], whole[:, [3, 1, 4]].sum(dim=1))


@pytest.mark.slow
def test_model_of_six_stems_is_scored_on_music_of_four(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stems = {name: noise(number, 1.1, channels=1) for number, name in enumerate(FOUR)}
    write_manifest(tmp_path, [write_track(tmp_path, "Four", stems)])
    config = evaluate_config(systems=("model", "mixture"), post={"wiener": PostProcessing(method="wiener")})
    out = {}
    for name, targets in (("four", FOUR), ("six", SIX)):
        evaluate(config, save_tiny_model(tmp_path / name, targets, 1), tmp_path, tmp_path / f"{name}-out")
        out[name] = pd.read_csv(tmp_path / f"{name}-out" / "scores.csv")
        message = "not every track has guitar and piano: scored as part of other"
        assert (message in capsys.readouterr().out) == (name == "six")
    four, six = out["four"], out["six"]
    assert list(dict.fromkeys(six["target"])) == [*FOUR, "accompaniment"]
    assert six["value"].notna().all()
    assert four[four["system"] == "mixture"].equals(six[six["system"] == "mixture"])
    test = json.loads((tmp_path / "six-out" / "test.json").read_text())
    assert (test["targets"], test["merged_into_other"]) == ([*FOUR], ["guitar", "piano"])
    assert json.loads((tmp_path / "four-out" / "test.json").read_text())["merged_into_other"] == []


@pytest.mark.slow
def test_model_without_other_cannot_be_scored_when_a_stem_is_missing(tmp_path: Path) -> None:
    write_manifest(tmp_path, [_track(tmp_path, "Four", FOUR)])
    model = save_tiny_model(tmp_path / "model", ("vocals", "piano"))
    with pytest.raises(UserError, match=r"'made/Nobody - Four' has no stem for the target 'piano' \(it has bass, "):
        evaluate(evaluate_config(systems=("model",)), model, tmp_path, tmp_path / "out")
