"""All architectures by name: those of the files in this folder. To add one, add its file (docs/architectures.md)."""

from importlib import import_module
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architecture import Architecture
from components.core.networks.narrow_convolutions import guard_narrow_convolutions
from components.core.networks.separator import Separator


def _found() -> dict[str, Architecture]:
    modules = (
        import_module(f"{__package__}.{path.stem}")
        for path in sorted(Path(__file__).parent.glob("*.py"))
        if path.stem not in ("__init__", Path(__file__).stem)
    )
    architectures = [found for module in modules if (found := getattr(module, "ARCHITECTURE", None))]
    return {architecture.name: architecture for architecture in architectures}


ARCHITECTURES: dict[str, Architecture] = _found()
"""Every architecture by the name that `train.network.name` gives it."""


def parse_network(values: dict[str, Any], where: str = "params.yaml") -> Section:
    """Return the typed config of the network that `values["name"]` names; raises UserError for an unknown one."""
    name = values.get("name")
    if name not in ARCHITECTURES:
        raise UserError(
            f"{where}: network.name: no architecture '{name}' (there are {', '.join(sorted(ARCHITECTURES))})"
        )
    return parse_section("network", values, ARCHITECTURES[name].config, where)


def build_separator(network: Section, stems: int, channels: int) -> Separator:
    """Build the separator of a typed config, with fresh weights."""
    name: str = network.name  # type: ignore[attr-defined]
    separator = ARCHITECTURES[name].build(network, stems, channels)
    guard_narrow_convolutions(separator)
    return separator
