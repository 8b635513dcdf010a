"""Models that were not trained here. They are checked before the comparison trains anything.

`python -m components.compare.systems.pretrained_models` writes run.json for such a model: `evaluate` logs to the MLflow
run of a training, and a model from elsewhere has none, so it gets a run of its own. The run is the same in every
comparison, so DVC does not repeat the scoring.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import mlflow
from typer import Option

from components.compare.systems.row_names import Places
from components.core.base.errors import UserError
from components.core.base.step_command import run_step_command
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import fetch_model
from components.core.models.model_folder import Model, load_model
from components.core.networks.architecture_registry import ARCHITECTURES
from components.core.tracking import mlflow_runs, provenance

_USUAL_STEMS = 2  # vocals and accompaniment
_DIGITS = 12  # of a digest, enough to tell weights apart


@dataclass(frozen=True)
class Pretrained:
    """A model in `folder` that is compared as `name`; `origin` describes it and its source."""

    name: str
    folder: Path
    targets: tuple[str, ...]
    origin: str

    @property
    def title(self) -> str:
        """Its name, with the number of its stems where there are more than two."""
        stems = f", {len(self.targets)} stems" if len(self.targets) > _USUAL_STEMS else ""
        return f"{self.name}{stems}, pretrained"


def find_pretrained(places: Places, rate: int, channels: int) -> list[Pretrained]:
    """Return the models at `places`, folders or addresses in MLflow's registry, in their order.

    Raises UserError for a place without a model, and for a model that does not have `rate` Hz and `channels` channels.
    """
    return [_find(name, place, rate, channels) for name, place in places.items()]


def _find(name: str, place: str, rate: int, channels: int) -> Pretrained:
    folder = fetch_model(place, SCRATCH / "models").folder.resolve()
    try:
        model = load_model(folder)
    except UserError as error:
        raise UserError(f"--models {name}: {error}") from None
    if (model.rate, model.channels) != (rate, channels):
        raise UserError(
            f"--models {name}: it works on {_audio_format(model.rate, model.channels)}, and this comparison uses "
            f"{_audio_format(rate, channels)}: leave it out, or set cache.rate and cache.channels to its values"
        )
    return Pretrained(name, folder, model.targets, _origin(model))


def _audio_format(rate: int, channels: int) -> str:
    return f"{rate} Hz in {channels} channel{'' if channels == 1 else 's'}"


def _origin(model: Model) -> str:
    title = ARCHITECTURES[str(model.network.model_dump()["name"])].title
    source = model.origin.get("converted_from")
    training = model.origin.get("run_id")
    suffix = f", converted from {source}" if source else f", of MLflow run {training}" if training else ""
    return f"{title} of {', '.join(model.targets)}{suffix}; weights {model.digest[:_DIGITS]}"


STAGE = "pretrained"
"""The tag `stage` of such a run."""

_DIGEST = "pretrained.sha256"


def write_run(
    name: Annotated[str, Option(help="Name of the system.")],
    model: Annotated[Path, Option(help="Folder of the model.")],
    out: Annotated[Path, Option(help="Folder for run.json.")],
) -> None:
    """Find or create the MLflow run of a model that was trained elsewhere."""
    find_or_create_run(mlflow_runs.connect(), name, load_model(model)).write(out)


def find_or_create_run(client: mlflow.MlflowClient, name: str, model: Model) -> mlflow_runs.RunRef:
    """Return the run of these weights under this name: an existing run, or a new one."""
    experiment = mlflow_runs.experiment_id(client)
    wanted = f"tags.stage = '{STAGE}' and tags.system = '{name}' and tags.`{_DIGEST}` = '{model.digest}'"
    for found in client.search_runs([experiment], wanted, max_results=1):
        return mlflow_runs.RunRef(run_id=found.info.run_id)
    created = client.create_run(experiment, run_name=f"{name}, pretrained")
    run = mlflow_runs.RunRef(run_id=created.info.run_id)
    network = {f"network.{key}": value for key, value in model.network.model_dump(mode="json").items()}
    mlflow_runs.log_params(client, run, network)
    origin = {f"pretrained.{key}": value for key, value in model.origin.items() if value}
    mlflow_runs.set_tags(client, run, origin | {
        "stage": STAGE,
        "system": name,
        _DIGEST: model.digest,
        "pretrained.targets": " ".join(model.targets),
        "pretrained.compared_at": provenance.git_commit(),
    })  # fmt: skip
    client.set_terminated(run.run_id)
    return run


if __name__ == "__main__":
    run_step_command(write_run, "components.compare.systems.pretrained_models")
