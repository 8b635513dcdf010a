"""The model that a training starts from, as the step `start` writes it to a folder."""

from pathlib import Path
from typing import ClassVar

from components.core.base.documents import Document
from components.core.data import artifacts


class StartModel(Document):
    """The address of the model, empty when a training starts from random weights.

    version   version of a registered model, else 0
    sha256    SHA-256 of the weights
    """

    FILE: ClassVar[str] = artifacts.START.file
    REMEDY: ClassVar[str] = "run `dvc repro --force start`"

    address: str = ""
    version: int = 0
    sha256: str = ""

    @property
    def pinned_address(self) -> str:
        """The address with the version in place of an alias, which may move."""
        return f"{self.address.split('@')[0]}/{self.version}" if "@" in self.address and self.version else self.address

    def __str__(self) -> str:
        number = f", version {self.version}" if self.version else ""
        return f"{self.address}{number}, {self.sha256[:12]}" if self.address else "random weights"


def start_model_folder(folder: Path) -> Path:
    """Return the folder of the model in the folder of the step `start`."""
    return artifacts.START_MODEL.within(folder)
