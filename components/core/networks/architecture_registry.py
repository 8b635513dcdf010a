"""All architectures by name: one file each in `architectures`, imported on first use, without torch."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from components.core.base.params import ParameterError, Section, parse_section
from components.core.networks import architectures
from components.core.networks.base.architecture import Architecture

_FOLDER = Path(__file__).parent / "architectures"


class _Architectures(Mapping[str, Architecture]):
    """Architectures by the names of their files; an architecture is imported on first use."""

    def __init__(self) -> None:
        self._names = sorted({path.stem for path in _FOLDER.glob("*.py")} - {"__init__"})

    def __getitem__(self, name: str) -> Architecture:
        if name not in self._names:
            raise KeyError(name)
        architecture: Architecture = import_module(f"{architectures.__name__}.{name}").ARCHITECTURE
        return architecture

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


ARCHITECTURES: Mapping[str, Architecture] = _Architectures()
"""Every architecture by its name in `train.network.name`."""


def parse_network(values: dict[str, Any], where: str = "params.yaml") -> Section:
    """Return the typed config of the network that `values["name"]` names; raises ParameterError for an unknown one."""
    name = values.get("name")
    if not isinstance(name, str) or name not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        mistake = f"there is no architecture '{name}': choose from {known}"
        raise ParameterError({("network", "name"): mistake}, where)
    return parse_section("network", values, ARCHITECTURES[name].config, where)


def list_architectures(network: Mapping[str, Any]) -> list[str]:
    """Return the name of the architecture of a network, and those of its members where it is an ensemble."""
    members = [name for member in network.get("members", ()) for name in list_architectures(member["network"])]
    return list(dict.fromkeys([str(network["name"]), *members]))
