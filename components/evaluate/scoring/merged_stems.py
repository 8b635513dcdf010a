"""Models with more targets than the data have stems: the extra targets are scored as part of the model's `other`."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from components.core.data.manifest import OTHER, Track
from components.core.data.residual_targets import excluded_stem
from components.core.models.model_folder import Model
from components.core.networks.base.separator import Separator
from components.core.separating.postprocessing import post_processed
from components.core.separating.postprocessing_config import PostProcessing


def merged_targets(targets: tuple[str, ...], tracks: Sequence[Track]) -> tuple[str, ...]:
    """Return the targets that some of `tracks` have no stem for; a model without an `other` has none.

    Vocals are never merged: a track without vocals has none in its `other`. Nothing is merged when a target is itself a
    sum of stems, because then the data's `other` is the stem of that name alone.
    """
    if OTHER not in targets or any(excluded_stem(target) for target in targets):
        return ()
    candidates = (target for target in targets if target not in (OTHER, "vocals"))
    return tuple(target for target in candidates if any(target not in track.stems for track in tracks))


def merge_targets(model: Model, merged: tuple[str, ...]) -> Model:
    """Return `model` without the targets `merged`; their estimates are added to its `other`."""
    if not merged:
        return model
    kept = tuple(target for target in model.targets if target not in merged)
    sources = [[OTHER, *merged] if target == OTHER else [target] for target in kept]
    rows = [[model.targets.index(source) for source in of_target] for of_target in sources]
    return replace(model, targets=kept, separator=MergedStems(model.separator, rows))


def with_post(separator: Separator, post: PostProcessing) -> Separator:
    """Return `separator` with post-processing, which works on the stems before they are merged."""
    if isinstance(separator, MergedStems):
        return MergedStems(post_processed(separator.inner, post), separator.rows)
    return post_processed(separator, post)


class MergedStems(Separator):
    """A separator whose stems are sums of another separator's stems; `rows` lists the summands of every stem."""

    def __init__(self, separator: Separator, rows: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.network, self.rows = separator.network, rows
        self.inner, self.segment, self.band = separator, separator.segment, separator.band
        self.train(separator.training)

    def estimates(self, mixture: Tensor) -> Tensor:
        """Return sums of the inner separator's raw estimates."""
        return self._sum_rows(self.inner.estimates(mixture))

    def forward(self, mixture: Tensor) -> Tensor:
        """Return sums of the inner separator's stems."""
        return self._sum_rows(self.inner(mixture))

    def _sum_rows(self, stems: Tensor) -> Tensor:
        return torch.stack([stems[:, list(rows)].sum(dim=1) for rows in self.rows], dim=1)
