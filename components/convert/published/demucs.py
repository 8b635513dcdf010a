"""The networks that the package `demucs` downloads, and those of torchaudio's pipelines."""

from functools import partial
from importlib import resources
from pathlib import Path

import yaml

from components.convert.published.weights import PublishedWeights, find_files, torch_hub_folder
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional

TORCHAUDIO = ("hdemucs_high_trained", "hdemucs_high_musdbhq_only")
"""The names of torchaudio's files, which it keeps in its own folder in torch hub's cache."""

_HTDEMUCS = ("htdemucs", "htdemucs_6s", "f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
"""The names of single networks, and the signatures of the four networks of `htdemucs_ft`."""


def find_torchaudio_file(name: str) -> Path:
    """Return the file of a published network in the folder that torchaudio.utils.download writes."""
    return find_files(torch_hub_folder() / "torchaudio" / "models", [f"{name}.pt"], "Hybrid Demucs")[0]


def find_published(name: str, title: str) -> Path:
    """Return the downloaded file of a name or signature that the package knows.

    Since version 4.1 the package downloads to Hugging Face's cache; before that, or when that fails, to torch hub's.
    """
    import_optional("demucs", "demucs", title)
    signature = _find_signature(name, title)
    file = _published_file_name(signature, title)
    return _from_hugging_face(signature) or find_files(torch_hub_folder() / "checkpoints", [file], title)[0]


def _read_networks() -> dict[str, list[str]]:
    """Return the models that the package knows by name, each with the signatures of its networks."""
    listed = (resources.files("demucs") / "remote").iterdir()
    documents = {path.name: path.read_text(encoding="utf-8") for path in listed if path.name.endswith(".yaml")}
    return {
        name.removesuffix(".yaml"): sorted(set(yaml.safe_load(text)["models"]))
        for name, text in sorted(documents.items())
    }


def _from_hugging_face(signature: str) -> Path | None:
    """Return the file of a signature in Hugging Face's cache, from any model that contains it; None without one."""
    constants = import_optional("huggingface_hub.constants", "demucs", "Demucs")
    files = Path(constants.HF_HUB_CACHE).glob(f"models--adefossez--*/snapshots/*/{signature}.safetensors")
    return next(iter(sorted(files)), None)


def _find_signature(name: str, title: str) -> str:
    """Return the signature of the only network of the model `name`; `name` itself when it is no model's name."""
    signatures = _read_networks().get(name, [name])
    if len(signatures) > 1:
        raise UserError(f"{title}: {name} has several networks: name one of {', '.join(signatures)}")
    return signatures[0]


def _published_file_name(signature: str, title: str) -> str:
    """Return the name of the published file of a signature: `<signature>-<checksum>.th`."""
    lines = (resources.files("demucs") / "remote" / "files.txt").read_text(encoding="utf-8").split()
    found = [line for line in lines if line.startswith(f"{signature}-")]
    if not found:
        raise UserError(f"{title}: {signature} is neither a file nor a folder nor a model of demucs: correct the name")
    return found[0]


def _find_torchaudio_files(name: str) -> list[Path]:
    return [find_torchaudio_file(name)]


def _weights(name: str, title: str) -> PublishedWeights:
    return PublishedWeights("demucs", name, lambda: [find_published(name, title)])


HDEMUCS_WEIGHTS = [
    *(PublishedWeights("torchaudio", name, partial(_find_torchaudio_files, name)) for name in TORCHAUDIO),
    _weights("hdemucs_mmi", "Hybrid Demucs"),
]
HTDEMUCS_WEIGHTS = [_weights(name, "Hybrid Transformer Demucs") for name in _HTDEMUCS]
