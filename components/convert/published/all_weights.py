"""All published weights that `stemline systems` lists."""

from collections.abc import Mapping, Sequence

from components.convert.published import demucs, open_unmix, spleeter
from components.convert.published.weights import PublishedWeights

PUBLISHED_WEIGHTS: Mapping[str, Sequence[PublishedWeights]] = {
    "open-unmix": open_unmix.WEIGHTS,
    "hdemucs": demucs.HDEMUCS_WEIGHTS,
    "htdemucs": demucs.HTDEMUCS_WEIGHTS,
    "spleeter": spleeter.WEIGHTS,
}
"""The weights by their kind, the first argument of `stemline convert`."""
