"""Models of more stems than the data have: what the data hold in `other` is scored as part of the model's `other`."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from components.core.data.manifest import OTHER, Track
from components.core.data.targets import left_out_of
from components.core.models.bundle import Model
from components.core.networks.separator import Separator
from components.core.separating.postprocessing import PostProcessing, post_processed


def merged_targets(targets: tuple[str, ...], tracks: Sequence[Track]) -> tuple[str, ...]:
    """Return the targets that some of `tracks` have no stem for, and that `other` takes in; none without an `other`.

    None of vocals: what has no vocals has none in its `other`. And none where a target is a sum of others as well: the
    data's `other` is the stem of that name alone then.
    """
    if OTHER not in targets or any(left_out_of(target) for target in targets):
        return ()
    single = (target for target in targets if target not in (OTHER, "vocals"))
    return tuple(target for target in single if any(target not in track.stems for track in tracks))


def merged_model(model: Model, merged: tuple[str, ...]) -> Model:
    """Return `model` without the targets `merged`, whose estimates its `other` has besides its own."""
    if not merged:
        return model
    kept = tuple(target for target in model.targets if target not in merged)
    sources = [[OTHER, *merged] if target == OTHER else [target] for target in kept]
    rows = [[model.targets.index(source) for source in of_target] for of_target in sources]
    return replace(model, targets=kept, separator=MergedStems(model.separator, rows))


def with_post(separator: Separator, post: PostProcessing) -> Separator:
    """Return what `post_processed` makes of `separator`, where stems are merged before they are."""
    if isinstance(separator, MergedStems):
        return MergedStems(post_processed(separator.inner, post), separator.rows)
    return post_processed(separator, post)


class MergedStems(Separator):
    """A separator whose stems are sums of the stems of another: of those in `rows`."""

    def __init__(self, separator: Separator, rows: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.network, self.rows = separator.network, rows
        self.inner, self.segment, self.band = separator, separator.segment, separator.band
        self.train(separator.training)

    def estimates(self, mixture: Tensor) -> Tensor:
        """Same shapes as any separator's."""
        return self._sums(self.inner.estimates(mixture))

    def forward(self, mixture: Tensor) -> Tensor:
        """The sums of what a user of the other gets."""
        return self._sums(self.inner(mixture))

    def _sums(self, stems: Tensor) -> Tensor:
        return torch.stack([stems[:, list(rows)].sum(dim=1) for rows in self.rows], dim=1)
