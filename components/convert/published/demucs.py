"""The networks that the package `demucs` downloads, and those of torchaudio's pipelines."""

from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import yaml

from components.convert.published.weights import PublishedWeights, find_files, torch_hub_folder
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional

TORCHAUDIO = ("hdemucs_high_trained", "hdemucs_high_musdbhq_only")
"""The names of torchaudio's files, which it keeps in its own folder in torch hub's cache."""

_FINE_TUNED = "htdemucs_ft"
_NETWORKS_OF_FINE_TUNED = ("f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d")
"""The signatures of its networks, each of which was trained further for one stem."""

_HTDEMUCS = ("htdemucs", "htdemucs_6s", *_NETWORKS_OF_FINE_TUNED)
"""The names of single networks."""


def find_torchaudio_file(name: str) -> Path:
    """Return the file of a published network in the folder that torchaudio.utils.download writes."""
    return find_files(torch_hub_folder() / "torchaudio" / "models", [f"{name}.pt"], "Hybrid Demucs")[0]


def find_published(name: str, title: str) -> Path:
    """Return the downloaded file of a name or signature that the package knows.

    Since version 4.1 the package downloads to Hugging Face's cache; before that, or when that fails, to torch hub's.
    """
    import_optional("demucs", "demucs", title)
    signature = _find_signature(name)
    file = _published_file_name(signature, title)
    return _from_hugging_face(signature) or find_files(torch_hub_folder() / "checkpoints", [file], title)[0]


@dataclass(frozen=True)
class Bag:
    """A model of several networks: their signatures, and the weight of each network for each stem (None: all equal).

    The package also gives the length of the pieces; ours have the length of the training.
    """

    signatures: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...] | None


def read_bag(text: str, where: str) -> Bag:
    """Read the YAML text of a model of the package; raises UserError, which names `where`, when it is none."""
    try:
        values = yaml.safe_load(text)
        signatures, weights = [str(signature) for signature in values["models"]], values.get("weights")
        if not all(map(str.isalnum, signatures)):
            raise ValueError(signatures)
        return Bag(
            tuple(signatures),
            tuple(tuple(float(number) for number in row) for row in weights) if weights else None,
        )
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{where} is no list of networks of demucs: it needs the keys models and weights") from None


def find_bag(name: str) -> Bag | None:
    """Return the model of several networks that the package knows by this name; None for all other names.

    Also None without the package, since torchaudio's networks do not need it.
    """
    if find_spec("demucs") is None:
        return None
    bag = _published_bags().get(name)
    return bag if bag and len(set(bag.signatures)) > 1 else None


def _published_bags() -> dict[str, Bag]:
    """Return the models that the package knows by name."""
    listed = (resources.files("demucs") / "remote").iterdir()
    documents = {path.name: path.read_text(encoding="utf-8") for path in listed if path.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): read_bag(text, name) for name, text in sorted(documents.items())}


def _from_hugging_face(signature: str) -> Path | None:
    """Return the file of a signature in Hugging Face's cache, from any model that contains it; None without one."""
    constants = import_optional("huggingface_hub.constants", "demucs", "Demucs")
    files = Path(constants.HF_HUB_CACHE).glob(f"models--adefossez--*/snapshots/*/{signature}.safetensors")
    return next(iter(sorted(files)), None)


def _find_signature(name: str) -> str:
    """Return the signature of the only network of the model `name`; `name` itself when it is no such model's name."""
    bag = _published_bags().get(name)
    return bag.signatures[0] if bag and len(bag.signatures) == 1 else name


def _published_file_name(signature: str, title: str) -> str:
    """Return the name of the published file of a signature: `<signature>-<checksum>.th`."""
    lines = (resources.files("demucs") / "remote" / "files.txt").read_text(encoding="utf-8").split()
    found = [line for line in lines if line.startswith(f"{signature}-")]
    if not found:
        raise UserError(f"{title}: {signature} is neither a file nor a folder nor a model of demucs: correct the name")
    return found[0]


def _find_torchaudio_files(name: str) -> list[Path]:
    return [find_torchaudio_file(name)]


def _find_htdemucs_ft() -> list[Path]:
    return [find_published(signature, "Hybrid Transformer Demucs") for signature in _NETWORKS_OF_FINE_TUNED]


def _weights(name: str, title: str) -> PublishedWeights:
    return PublishedWeights("demucs", name, lambda: [find_published(name, title)])


HDEMUCS_WEIGHTS = [
    *(PublishedWeights("torchaudio", name, partial(_find_torchaudio_files, name)) for name in TORCHAUDIO),
    _weights("hdemucs_mmi", "Hybrid Demucs"),
]
HTDEMUCS_WEIGHTS = [
    *(_weights(name, "Hybrid Transformer Demucs") for name in _HTDEMUCS),
    PublishedWeights("demucs", _FINE_TUNED, _find_htdemucs_ft),
]
