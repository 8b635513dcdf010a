"""All architectures by name. To add one: a file beside this one, and its line in ARCHITECTURES."""

from collections.abc import Callable
from typing import Any

from components.core.errors import UserError
from components.core.networks.separator import Separator
from components.core.networks.spleeter import SpleeterConfig, build_spleeter
from components.core.networks.tdf_unet import TdfUNetConfig, build_tdf_unet
from components.core.networks.unet import UNetConfig, build_unet
from components.core.params import Section, parse_section

ARCHITECTURES: dict[str, tuple[type[Section], Callable[[Any, int, int], Separator]]] = {
    "unet": (UNetConfig, build_unet),
    "spleeter": (SpleeterConfig, build_spleeter),
    "tdf_unet": (TdfUNetConfig, build_tdf_unet),
}
"""Name to the typed config and the function `(config, stems, channels) -> Separator`."""


def parse_network(values: dict[str, Any], where: str = "params.yaml") -> Section:
    """Return the typed config of the network that `values["name"]` names; raises UserError for an unknown one."""
    name = values.get("name")
    if name not in ARCHITECTURES:
        raise UserError(
            f"{where}: network.name: no architecture '{name}' (there are {', '.join(sorted(ARCHITECTURES))})"
        )
    return parse_section("network", values, ARCHITECTURES[name][0], where)


def build_separator(network: Section, stems: int, channels: int) -> Separator:
    """Build the separator of a typed config, with fresh weights."""
    name: str = network.name  # type: ignore[attr-defined]
    return ARCHITECTURES[name][1](network, stems, channels)
