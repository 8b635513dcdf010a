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
from components.core.tracking.exported_run import ExportedRun
from components.core.tracking.mlflow_runs import RunRef
from components.export.card import EvaluationResults, converted_model_card, model_card
from components.export.training_record import read_training

CARD = "MODEL_CARD.md"
LOCK = Path("dvc.lock")
_SCORES = "scores"


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
    scores = [EvaluationResults.read(folder) for folder in evaluations]
    card = model_card(model, training, scores, data, licences)
    copies = {name: source / name for name in (ModelDescription.FILE, WEIGHTS, PROFILE)}
    copies |= {path.name: path for path in (PARAMS, LOCK)}
    _write_folder(out, copies | _find_score_files(evaluations, scores), card)
    training.run.write(out)
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
    scores = [EvaluationResults.read(folder) for folder in evaluations]
    described = read_profile(profile) if profile is not None else None
    card = converted_model_card(model, scores, described, licences)
    copies = {name: source / name for name in (ModelDescription.FILE, WEIGHTS)}
    if profile is not None:
        copies[PROFILE] = profile
    _write_folder(out, copies | _find_score_files(evaluations, scores), card)
    print(f"export: the converted model {model.digest[:12]} is in {out}")


def _require_scores_of(digest: str, evaluation: Path) -> None:
    if Evaluation.read(evaluation).model != digest:
        raise UserError(f"the scores in {evaluation} belong to another model: run `dvc repro evaluate` first")


def _find_score_files(evaluations: Sequence[Path], scores: Sequence[EvaluationResults]) -> dict[str, Path]:
    """Return the files of scores by their names in the export."""
    files: dict[str, Path] = {}
    for folder, score in zip(evaluations, scores, strict=True):
        target = f"{_SCORES}/{'+'.join(score.test.datasets)}"
        tables = [artifact.within(folder) for artifact in (SCORE_TABLE, SCORES, SPEED, TEST)]
        pictures = sorted(PICTURES.within(folder).glob("*.png"))
        files |= {f"{target}/{path.name}": path for path in (*tables, *pictures)}
    return files


def _write_folder(out: Path, copies: Mapping[str, Path], card: str) -> None:
    """Copy the files to `out` by their names there, replace an earlier export, and write the card.

    Nothing is written when a file is missing.
    """
    for path in copies.values():
        if not path.is_file():
            raise UserError(f"{path} does not exist: run `dvc repro` first")
    shutil.rmtree(out / _SCORES, ignore_errors=True)
    for name in (PROFILE, PARAMS.name, LOCK.name, ExportedRun.FILE):
        (out / name).unlink(missing_ok=True)
    for name, path in copies.items():
        with whole_file(out / name) as partial:
            shutil.copyfile(path, partial)
    write_text(out / CARD, card)
