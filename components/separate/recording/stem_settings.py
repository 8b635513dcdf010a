"""The settings that decide the bytes of a stem: read from a model's description, without its weights."""

from components.core.base.errors import UserError
from components.core.data.stem_provenance import ModelUsed, StemOptions, StemSettings
from components.core.models.addresses import ModelAddress
from components.core.models.model_description import ModelDescription
from components.core.models.model_folder import read_description
from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.separator import add_residual_target
from components.core.separating.fast import Precision, best_precision
from components.separate.config import SeparateConfig


def read_settings(address: ModelAddress, config: SeparateConfig) -> StemSettings:
    """Return the settings with which `config` separates with the model at `address`.

    Raises UserError when the model's files are missing or damaged, or when the model has no stem that `config` names.
    """
    description = read_description(address.folder)
    targets = add_residual_target(description.targets)
    if unknown := sorted(set(config.stems) - set(targets)):
        raise UserError(f"separate.stems: the model has no stem '{unknown[0]}': choose from {', '.join(targets)}")
    network = parse_network(description.network, str(address.folder / ModelDescription.FILE))
    return StemSettings(
        model=ModelUsed(
            name=address.name,
            version=address.version,
            sha256=description.sha256,
            network=network.model_dump(mode="json"),
            targets=targets,
            run_id=description.origin.get("run_id"),
            git_commit=description.origin.get("git_commit"),
            converted_from=description.origin.get("converted_from", ""),
            files=description.origin.get("files", {}),
            members=tuple(description.origin.get("members", ())),
        ),
        options=StemOptions(
            post=config.post.model_dump(mode="json"),
            format=config.format,
            stems=tuple(target for target in targets if target in (config.stems or targets)),
            precision=_resolve_precision(config.precision),
        ),
    )


def _resolve_precision(precision: str) -> Precision:
    precisions: dict[str, Precision] = {"fp32": "fp32", "bf16": "bf16", "auto": best_precision()}
    return precisions[precision]
