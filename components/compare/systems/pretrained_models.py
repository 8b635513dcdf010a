"""Models that were not trained here. They are checked before the comparison trains anything."""

from dataclasses import dataclass
from pathlib import Path

from components.compare.systems.row_names import Places
from components.core.base.errors import UserError
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import fetch_model
from components.core.models.bundle import Model, load_model
from components.core.networks.registry import ARCHITECTURES

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
