"""The models that the package `openunmix` downloads: one file per target."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from components.convert.published.weights import PublishedWeights, find_files, torch_hub_folder


@dataclass(frozen=True)
class Published:
    """A model: its files in torch hub's cache by target, its rate in Hz, and the windows that cover each sample."""

    files: Mapping[str, str]
    rate: int = 44100
    overlap: int = 4


PUBLISHED = {
    "umxhq": Published({
        "vocals": "vocals-b62c91ce.pth", "drums": "drums-9619578f.pth", "bass": "bass-8d85a5bd.pth",
        "other": "other-b52fbbf7.pth",
    }),
    "umx": Published({
        "vocals": "vocals-c8df74a5.pth", "drums": "drums-5a48008b.pth", "bass": "bass-646024d3.pth",
        "other": "other-f8e132cc.pth",
    }),
    "umxl": Published({
        "vocals": "vocals-bccbd9aa.pth", "drums": "drums-69e0ebd4.pth", "bass": "bass-2ca1ce51.pth",
        "other": "other-c8c5b3e6.pth",
    }),
    "umxse": Published({"speech": "speech_f5e0d9f9.pth", "noise": "noise_04a6fc2d.pth"}, rate=16000, overlap=2),
}  # fmt: skip
"""From `openunmix/__init__.py`, version 1.3.0."""


def find_published(name: str) -> list[Path]:
    """Return the files of a model, one per target; raises UserError when one is missing."""
    return find_files(torch_hub_folder() / "checkpoints", list(PUBLISHED[name].files.values()), f"Open-Unmix {name}")


WEIGHTS = [PublishedWeights("openunmix", name, partial(find_published, name)) for name in PUBLISHED]
