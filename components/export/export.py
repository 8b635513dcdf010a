"""The export of a model: copies of its files, and a model card that describes them."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.files import whole_file, write_text
from components.core.base.params import PARAMS
from components.core.data.artifacts import MODEL, PICTURES, SCORE_TABLE, SCORES, SPEED, TEST
from components.core.data.evaluation import Evaluation
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.models.model_folder import load_model
from components.core.sound.training_profile import PROFILE, read_profile
from components.core.tracking.mlflow_runs import RunRef
from components.export.card import EvaluationResults, converted_model_card, model_card
from components.export.training_record import read_training

CARD = "MODEL_CARD.md"
LOCK = Path("dvc.lock")


def export(train: Path, evaluations: Sequence[Path], data: Path, out: Path, licences: Mapping[str, str]) -> None:
    """Write the model in `train`, its scores in the folders `evaluations` and its origin to the folder `out`.

    `licences` holds the terms of data sets that the card does not know, such as a user's own folder. Raises UserError
    when the scores belong to another model, or a file is missing.
    """
    source = MODEL.within(train)
    model = load_model(source)
    for folder in evaluations:
        _require_scores_of(model.digest, folder)
    training = read_training(RunRef.read(train))
    for path in (*(source / name for name in (ModelDescription.FILE, WEIGHTS, PROFILE)), PARAMS, LOCK):
        _copy(path, out / path.name)
    scores = _copy_evaluations(evaluations, out)
    training.run.write(out)
    write_text(out / CARD, model_card(model, training, scores, data, licences))
    print(f"export: the model {model.digest[:12]} and its origin are in {out}")


def export_converted(
    source: Path, evaluations: Sequence[Path], profile: Path | None, out: Path, licences: Mapping[str, str]
) -> None:
    """Write the converted model in `source`, its scores in the folders `evaluations` and a card to the folder `out`.

    `profile` is the file of a profile, of music on which the model was scored: nobody publishes one of the music that
    it learned from. Raises UserError when the model was not converted, when the scores belong to another model, or when
    a file is missing.
    """
    model = load_model(source)
    if "converted_from" not in model.origin:
        raise UserError(f"{source} is no converted model: export its training with --train")
    for folder in evaluations:
        _require_scores_of(model.digest, folder)
    for name in (ModelDescription.FILE, WEIGHTS):
        _copy(source / name, out / name)
    described = None
    if profile is not None:
        described = read_profile(profile)
        _copy(profile, out / PROFILE)
    scores = _copy_evaluations(evaluations, out)
    write_text(out / CARD, converted_model_card(model, scores, described, licences))
    print(f"export: the converted model {model.digest[:12]} is in {out}")


def _copy_evaluations(evaluations: Sequence[Path], out: Path) -> list[EvaluationResults]:
    scores = [EvaluationResults.read(folder) for folder in evaluations]
    for folder, score in zip(evaluations, scores, strict=True):
        _copy_scores(folder, out / "scores" / "+".join(score.test.datasets))
    return scores


def _require_scores_of(digest: str, evaluation: Path) -> None:
    if Evaluation.read(evaluation).model != digest:
        raise UserError(f"the scores in {evaluation} belong to another model: run `dvc repro evaluate` first")


def _copy_scores(evaluation: Path, target: Path) -> None:
    for artifact in (SCORE_TABLE, SCORES, SPEED, TEST):
        _copy(artifact.within(evaluation), artifact.within(target))
    for picture in sorted(PICTURES.within(evaluation).glob("*.png")):
        _copy(picture, target / picture.name)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise UserError(f"{source} does not exist: run `dvc repro` first")
    with whole_file(target) as partial:
        shutil.copyfile(source, partial)
