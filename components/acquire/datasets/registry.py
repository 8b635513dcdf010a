"""The datasets by their names in params.yaml."""

from collections.abc import Mapping
from functools import partial

from components.acquire.config import DatasetName
from components.acquire.datasets import demo, folder, musdb18
from components.acquire.datasets.collection import Finder

FINDERS: Mapping[DatasetName, Finder] = {
    "demo": demo.find,
    "folder": folder.find,
    **{name: partial(musdb18.find, edition) for name, edition in musdb18.EDITIONS.items()},
}
