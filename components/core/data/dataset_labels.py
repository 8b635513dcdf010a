"""Names of data sets as they stand beside numbers."""

from collections.abc import Iterable, Mapping

DATASETS: Mapping[str, str] = {"musdb18-7s": "MUSDB18-7 (7-second excerpts)"}
"""Those whose name alone could be taken for another one: never 'MUSDB18' for its excerpts."""


def label_datasets(names: Iterable[str]) -> str:
    """Return the data sets' names in words."""
    return " + ".join(DATASETS.get(name, name) for name in names)
