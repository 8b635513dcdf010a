"""Checkpoints of the package `demucs`: a class, the arguments of its constructor, and its weights."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from components.convert.published.demucs import find_published
from components.convert.weight_files import load_tensors
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint: the package's network, and in `settings` all arguments of its constructor, defaults included."""

    path: Path
    settings: Mapping[str, Any]
    state: Mapping[str, Tensor]
    network: nn.Module

    @property
    def segment(self) -> int:
        """The length of a training segment in samples."""
        return round(float(self.settings["segment"]) * int(self.settings["samplerate"]))


def read_checkpoint(source: str, module: str, name: str, title: str) -> Checkpoint:
    """Read a checkpoint of the package's class `name`.

    `source` is a file, a folder with one, or a name or signature that the package knows; then the file is looked for in
    Hugging Face's cache and torch hub's. Raises UserError for a checkpoint of another class, and for a quantised one.
    """
    package = import_optional(module, "demucs", title)
    network_class: Callable[..., nn.Module] = getattr(package, name)
    path = locate(source, title)
    saved = _READERS.get(path.suffix, _read_th)(path, network_class)
    if not isinstance(saved, dict) or saved.get("klass") is not network_class or saved.get("args"):
        raise UserError(f"{path} holds no checkpoint of {title}: name a checkpoint of this kind")
    if "__quantized" in saved["state"]:
        raise UserError(f"{path} is quantised by DiffQ: name the model without _q")
    parameters = inspect.signature(network_class).parameters
    arguments = {key: value for key, value in saved["kwargs"].items() if key in parameters}  # the package drops others
    network = network_class(**arguments).eval()
    state = {key: value.float() if value.is_floating_point() else value for key, value in saved["state"].items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"{path} holds other weights than {name} has: {' '.join(str(error).split())[:200]}") from None
    return Checkpoint(path, add_defaults(network_class, arguments), state, network)


def add_defaults(network_class: Callable[..., nn.Module], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all arguments of the constructor, the ones that are not given with their defaults."""
    parameters = inspect.signature(network_class).parameters
    defaults = {key: value.default for key, value in parameters.items() if value.default is not value.empty}
    return defaults | dict(arguments)


def locate(source: str, title: str) -> Path:
    """Return the file that `source` names."""
    place = Path(source)
    if place.is_file():
        return place
    if place.is_dir():
        files = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES)
        if len(files) != 1:
            raise UserError(f"{title}: {source} holds {len(files)} {' or '.join(SUFFIXES)} files: name one of them")
        return files[0]
    return find_published(source, title)


def _read_th(path: Path, network_class: Callable[..., nn.Module]) -> Any:
    return load_tensors(path, [network_class, Fraction])


def _read_safetensors(path: Path, network_class: Callable[..., nn.Module]) -> dict[str, Any]:
    """Read a file of version 4.1 into the values of a .th file; only quantised files have the entry `structure`."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (file is no mapping)
        args, kwargs = (json.loads(metadata[name], object_hook=_fraction) for name in ("args", "kwargs"))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} holds no weights of demucs: {' '.join(str(error).split())[:200]}") from None
    klass = (
        network_class if metadata.get("klass") == f"{network_class.__module__}.{network_class.__qualname__}" else None
    )
    quantised = {"__quantized": True} if "structure" in metadata else {}
    return {"klass": klass, "args": args, "kwargs": kwargs, "state": state | quantised}


def _fraction(document: dict[str, Any]) -> Any:
    """Return a fraction for the package's `{"_type": "fraction", …}`, and other objects unchanged."""
    return Fraction(document["numerator"], document["denominator"]) if "_type" in document else document


_READERS: Mapping[str, Callable[[Path, Callable[..., nn.Module]], Any]] = {
    ".th": _read_th,
    ".safetensors": _read_safetensors,
}
SUFFIXES = tuple(_READERS)
"""File name suffixes of the package up to version 4.0, and from 4.1."""
