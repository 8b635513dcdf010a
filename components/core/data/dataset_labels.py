"""Labels of datasets in tables and pictures."""

from collections.abc import Iterable, Mapping

DATASETS: Mapping[str, str] = {"musdb18-7s": "MUSDB18-7 (7-second excerpts)"}
"""Labels that differ from the name. MUSDB18's excerpts must not be mistaken for MUSDB18."""


def label_datasets(names: Iterable[str]) -> str:
    """Return one label for several datasets."""
    return " + ".join(DATASETS.get(name, name) for name in names)
