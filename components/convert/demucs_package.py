"""Checkpoints of the package `demucs`: a class, what it was made with, and its state."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from components.convert.weight_files import Weights, find, hub, load_tensors
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional


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

    `source` is a file, a folder with one, or a name or signature of the package's table of models, whose file then lies
    in Hugging Face's cache or torch hub's. Raises UserError for a checkpoint of another class or one that is quantised.
    """
    package = import_optional(module, "demucs", title)
    made: Callable[..., nn.Module] = getattr(package, name)
    path = locate(source, title)
    saved = _READERS.get(path.suffix, _read_th)(path, made)
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
        files = sorted(path for path in place.iterdir() if path.suffix in SUFFIXES)
        if len(files) != 1:
            raise UserError(f"{title}: {source} holds {len(files)} {' or '.join(SUFFIXES)} files: name one of them")
        return files[0]
    return find_published(source, title)


def find_published(name: str, title: str) -> Path:
    """Return the file of a name or signature that the package knows: from Hugging Face's cache, or torch hub's.

    The package downloads to the first since version 4.1, and to the second before that, or where the first fails.
    """
    import_optional("demucs", "demucs", title)
    signature = _signature(name, title)
    file = _file(signature, title)
    return _from_hugging_face(signature) or find(hub(), [file], title)[0]


def weights(name: str, title: str) -> Weights:
    """Return what the package downloads by this name or signature."""
    return Weights("demucs", name, lambda: [find_published(name, title)])


def _from_hugging_face(signature: str) -> Path | None:
    """Return the file of a signature in Hugging Face's cache, from any model that it is part of."""
    package, cache = (import_optional(module, "demucs", "Demucs") for module in ("demucs.hf", "huggingface_hub"))
    for name, signatures in published().items():
        if signature in signatures:
            repository = f"{package.DEFAULT_NAMESPACE}/{package.hf_repo_name(name)}"
            found = cache.try_to_load_from_cache(repository, f"{signature}.safetensors")
            if isinstance(found, str):
                return Path(found)
    return None


def published() -> dict[str, list[str]]:
    """Return the models that the package knows by name, each with the signatures of the networks it is made of."""
    listed = (resources.files("demucs") / "remote").iterdir()
    documents = {path.name: path.read_text(encoding="utf-8") for path in listed if path.name.endswith(".yaml")}
    return {
        name.removesuffix(".yaml"): sorted(set(yaml.safe_load(text)["models"]))
        for name, text in sorted(documents.items())
    }


def _signature(name: str, title: str) -> str:
    """Return the signature of the one network that a model of this name is made of, or `name` if it is none."""
    signatures = published().get(name, [name])
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


def _read_th(path: Path, made: Callable[..., nn.Module]) -> Any:
    return load_tensors(path, [made, Fraction])


def _read_safetensors(path: Path, made: Callable[..., nn.Module]) -> dict[str, Any]:
    """Return what a file of version 4.1 holds, as a .th file has it; `structure` is what quantised ones have."""
    try:
        with safe_open(path, framework="pt") as file:
            said = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no mapping)
        args, kwargs = (json.loads(said[name], object_hook=_fraction) for name in ("args", "kwargs"))
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise UserError(f"{path} holds no weights of demucs: {' '.join(str(error).split())[:200]}") from None
    klass = made if said.get("klass") == f"{made.__module__}.{made.__qualname__}" else None
    quantised = {"__quantized": True} if "structure" in said else {}
    return {"klass": klass, "args": args, "kwargs": kwargs, "state": state | quantised}


def _fraction(document: dict[str, Any]) -> Any:
    """Return what the package writes as `{"_type": "fraction", …}`; anything else as it is."""
    return Fraction(document["numerator"], document["denominator"]) if "_type" in document else document


_READERS: Mapping[str, Callable[[Path, Callable[..., nn.Module]], Any]] = {
    ".th": _read_th,
    ".safetensors": _read_safetensors,
}
SUFFIXES = tuple(_READERS)
"""Of the package's files: up to version 4.0, and from 4.1 on."""
