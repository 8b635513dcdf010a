"""What decides the bytes of a stem, apart from the recording: the model and the options."""

from dataclasses import dataclass
from typing import Any

from components.core.base.errors import UserError
from components.core.models.addresses import ModelAddress
from components.core.models.bundle import Model
from components.core.separating.fast import Precision, best_precision
from components.separate.config import SeparateConfig


@dataclass(frozen=True)
class Recipe:
    """As provenance files hold it: `model` says which one, `options` how it is used."""

    model: dict[str, Any]
    options: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """What must be the same for the same stems: not what the registry calls the model."""
        return {"model": {name: self.model.get(name) for name in ("sha256", "network")}, "options": self.options}


def recipe_of(model: Model, address: ModelAddress, config: SeparateConfig) -> Recipe:
    """Describe how `config` separates with `model`; raises UserError for a stem that the model does not have."""
    if unknown := sorted(set(config.stems) - set(model.targets)):
        raise UserError(f"separate.stems: the model has no stem '{unknown[0]}' (it has {', '.join(model.targets)})")
    return Recipe(
        model={
            "name": address.name,
            "version": address.version,
            "sha256": model.digest,
            "network": model.network.model_dump(mode="json"),
            "targets": list(model.targets),
            "run_id": model.origin.get("run_id"),
            "git_commit": model.origin.get("git_commit"),
        },
        options={
            "post": config.post.model_dump(mode="json"),
            "format": config.format,
            "stems": [target for target in model.targets if target in (config.stems or model.targets)],
            "precision": resolved(config.precision),
        },
    )


def resolved(precision: str) -> Precision:
    """Return the precision that `auto` means on this machine."""
    precisions: dict[str, Precision] = {"fp32": "fp32", "bf16": "bf16", "auto": best_precision()}
    return precisions[precision]
