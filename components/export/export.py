"""Copy, and describe."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.files import whole_file, write_json, write_text
from components.core.base.params import PARAMS
from components.core.models.bundle import load_model
from components.core.models.description import WEIGHTS, ModelDescription
from components.core.sound.training_profile import PROFILE
from components.core.tracking.mlflow_runs import RunRef
from components.export.card import Scores, model_card
from components.export.run import read_run

CARD = "MODEL_CARD.md"
LOCK = Path("dvc.lock")
_SCORES = ("table.csv", "scores.csv", "speed.csv", "test.json")


def export(train: Path, evaluations: Sequence[Path], data: Path, out: Path, licences: Mapping[str, str]) -> None:
    """Write the model in `train`, its scores in the folders `evaluations` and all that made it to the folder `out`.

    `licences` says of data sets what they are and allow, where the card does not know it (a user's own folder). Raises
    UserError when the scores are not this model's, or a part is missing.
    """
    model = load_model(train / "model")
    for folder in evaluations:
        _require_scores_of(model.digest, folder)
    run = read_run(RunRef.read(train))
    sources = [*(train / "model" / name for name in (ModelDescription.FILE, WEIGHTS, PROFILE)), PARAMS, LOCK]
    for path in sources:
        _copy(path, out / path.name)
    scores = [Scores.read(folder) for folder in evaluations]
    for found, folder in zip(scores, evaluations, strict=True):
        _copy_scores(folder, out / "scores" / "+".join(found.test["datasets"]))
    write_json(out / RunRef.FILE, run.document())
    write_text(out / CARD, model_card(model, run, scores, data, licences))
    print(f"export: {model.digest[:12]} with its origin to {out}")


def _require_scores_of(digest: str, evaluate: Path) -> None:
    path = evaluate / "test.json"
    if not path.is_file():
        raise UserError(f"{path} does not exist: run `dvc repro evaluate` first")
    if json.loads(path.read_text(encoding="utf-8"))["model"] != digest:
        raise UserError(f"the scores in {evaluate} are another model's: run `dvc repro evaluate` first")


def _copy_scores(evaluate: Path, target: Path) -> None:
    for name in _SCORES:
        _copy(evaluate / name, target / name)
    for picture in sorted((evaluate / "pictures").glob("*.png")):
        _copy(picture, target / picture.name)


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise UserError(f"{source} does not exist: run `dvc repro` first")
    with whole_file(target) as partial:
        shutil.copyfile(source, partial)
