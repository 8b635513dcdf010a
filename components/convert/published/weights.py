"""Published weights of one name, and the folders that packages download them to."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.base.errors import UserError


@dataclass(frozen=True)
class PublishedWeights:
    """Published weights: the `package` (its name on PyPI) that downloads them, and their `source` for `convert`.

    `find` returns their files on this machine; when a file is missing it raises UserError, which names its folder.
    """

    package: str
    source: str
    find: Callable[[], Sequence[Path]]


def torch_hub_folder() -> Path:
    """Return the folder of torch hub, which packages download to, as `torch.hub.get_dir` gives it."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", f"{caches}/torch")).expanduser() / "hub"


def find_files(folder: Path, names: Sequence[str], title: str) -> list[Path]:
    """Return the files with these names in `folder`; raises UserError, which names the folder, when one is missing."""
    found = []
    for name in names:
        matching = sorted(folder.glob(name))
        if not matching:
            raise UserError(f"{title}: {name} is not in {folder}: put its weights there, or name a file or folder")
        found.append(matching[0])
    return found
