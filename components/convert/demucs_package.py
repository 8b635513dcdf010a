"""Checkpoints of the package `demucs`: a class, what it was made with, and its state."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor, nn

from components.convert.source import find, hub, load_tensors
from components.core.errors import UserError
from components.core.extras import imported


@dataclass(frozen=True)
class Checkpoint:
    """`settings` are the arguments of the package's class, defaults filled in; `network` is it, with its weights."""

    path: Path
    settings: Mapping[str, Any]
    state: Mapping[str, Tensor]
    network: nn.Module

    @property
    def segment(self) -> int:
        """The segment that it was trained on, in samples."""
        return round(float(self.settings["segment"]) * int(self.settings["samplerate"]))


def read_checkpoint(source: str, module: str, name: str, title: str) -> Checkpoint:
    """Read a checkpoint of the package's class `name`.

    `source` is a file, a folder with one .th file, or a name or signature of the package's table of models, whose file
    then lies in torch hub's cache. Raises UserError for a checkpoint of another class or one that is quantised.
    """
    package = imported(module, "demucs", title)
    made: Callable[..., nn.Module] = getattr(package, name)
    path = locate(source, title)
    saved = load_tensors(path, [made, Fraction])
    if not isinstance(saved, dict) or saved.get("klass") is not made or saved.get("args"):
        raise UserError(f"{path} holds no checkpoint of {title}")
    if "__quantized" in saved["state"]:
        raise UserError(f"{path} is quantised by DiffQ: take the model without the _q")
    known = inspect.signature(made).parameters
    given = {key: value for key, value in saved["kwargs"].items() if key in known}  # as the package: others are dropped
    defaults = {key: value.default for key, value in known.items() if value.default is not value.empty}
    network = made(**given).eval()
    state = {key: value.float() if value.is_floating_point() else value for key, value in saved["state"].items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(f"{path} holds other weights than {name} has: {' '.join(str(error).split())[:200]}") from None
    return Checkpoint(path, defaults | given, state, network)


def locate(source: str, title: str) -> Path:
    """Return the file that `source` means."""
    place = Path(source)
    if place.is_file():
        return place
    if place.is_dir():
        files = sorted(place.glob("*.th"))
        if len(files) != 1:
            raise UserError(f"{title}: {source} holds {len(files)} .th files: name one of them")
        return files[0]
    imported("demucs", "demucs", title)
    return find(hub(), [_file(_signature(source, title), title)], title)[0]


def _signature(name: str, title: str) -> str:
    """Return the signature of the one network that a model of this name is made of, or `name` if it is none."""
    listed = resources.files("demucs") / "remote" / f"{name}.yaml"
    if not listed.is_file():
        return name
    signatures: list[str] = sorted(set(yaml.safe_load(listed.read_text(encoding="utf-8"))["models"]))
    if len(signatures) > 1:
        raise UserError(f"{title}: {name} is made of several networks: name one of {', '.join(signatures)}")
    return signatures[0]


def _file(signature: str, title: str) -> str:
    """Return the name of the published file of a signature: `<signature>-<checksum>.th`."""
    lines = (resources.files("demucs") / "remote" / "files.txt").read_text(encoding="utf-8").split()
    found = [line for line in lines if line.startswith(f"{signature}-")]
    if not found:
        raise UserError(f"{title}: {signature} is neither a file nor a folder nor a model that demucs knows")
    return found[0]
