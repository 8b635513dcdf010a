"""One recording to stems, from a local file to local files; what is heard, seen and measured comes from one pass."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.models.bundle import Model
from components.core.networks.base.separator import Separator
from components.core.separating.lanes import WindowPool
from components.core.separating.segments import separate_blocks, separate_in_pool
from components.core.sound.decoding import Audio, read_blocks
from components.core.sound.profile import Profile
from components.separate.config import SeparateConfig
from components.separate.recording.inspection import Inspection, inspect
from components.separate.recording.model_pass import SampleQueue, estimate_stems
from components.separate.recording.quality import QualityMeter
from components.separate.recording.quantisation import Samples, add_up, count_clipped, encoding_for
from components.separate.recording.spectrogram_picture import SpectrogramPicture
from components.separate.recording.stem_files import Output, StemWriter, choose_output
from components.separate.recording.tags import copy_tags

BLOCK = 1 << 16
"""Samples that are handled at once."""

PICTURE = "spectrogram.png"
Beat = Callable[[float, float], None]
"""Is told how many seconds of the recording are done, and what share of it."""


@dataclass(frozen=True)
class Separation:
    """A model ready to separate: `separator` is it as it runs here, `lanes` how many segments run at once."""

    model: Model
    separator: Separator
    profile: Profile | None
    config: SeparateConfig
    lanes: int
    pool: WindowPool | None = None

    def stems_of(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """Turn blocks of a mixture, `(channels, any)` at the model's rate, into blocks of its stems.

        In a `pool` the segments of several recordings, each in a thread of its own, share forward passes.
        """
        if self.pool is not None:
            return separate_in_pool(self.pool, blocks, self.config.post.overlap)
        return separate_blocks(self.separator, blocks, self.config.post.overlap, self.lanes)

    @property
    def written(self) -> tuple[str, ...]:
        """The stems that are written, in the model's order."""
        wanted = self.config.stems or self.model.targets
        return tuple(target for target in self.model.targets if target in wanted)


@dataclass(frozen=True)
class Product:
    """What became of a recording: files in the folder, and what was seen on the way."""

    inspection: Inspection
    output: Output
    stems: dict[str, Path]
    clipped: dict[str, int]
    picture: Path | None
    figures: dict[str, float]
    features: dict[str, float]


def separate_file(separation: Separation, recording: Path, folder: Path, beat: Beat = lambda *_: None) -> Product:
    """Write the stems of `recording` to `folder`: its length, rate and channels, and its sum.

    Raises Unfit when it can't be separated, and OSError when the stems can't be written.
    """
    inspection = inspect(recording, separation.config.limits)
    targets, info = separation.model.targets, inspection.info
    output = choose_output(info, inspection.peak, inspection.samples, separation.config.format)
    stems = {target: folder / f"{target}{output.suffix}" for target in separation.written}
    quality = QualityMeter(targets, info.rate, separation.profile)
    picture = SpectrogramPicture(targets, inspection.samples, info.rate) if separation.config.pictures else None
    clipped = np.zeros(len(targets), np.int64)
    done = 0
    with ExitStack() as files:
        writers = {
            target: files.enter_context(StemWriter(path, output, info.rate, info.channels))
            for target, path in stems.items()
        }
        for written, over in _written(separation, inspection, output, recording):
            for target, stem in zip(targets, written, strict=True):
                if target in writers:
                    writers[target].write(stem)
            seen = _as_float(written)
            quality.add(seen)
            if picture is not None:
                picture.add(seen)
            clipped += over
            done += written.shape[-1]
            beat(done / info.rate, done / inspection.samples)
    for target, path in stems.items():
        copy_tags(recording, path, target)
    if picture is not None:
        picture.write(folder / PICTURE)
    result = quality.result()
    return Product(
        inspection,
        output,
        stems,
        dict(zip(targets, clipped.tolist(), strict=True)),
        folder / PICTURE if picture is not None else None,
        result.figures(),
        result.features,
    )


def _written(
    separation: Separation, inspection: Inspection, output: Output, recording: Path
) -> Iterator[tuple[Samples, NDArray[np.int64]]]:
    """Yield blocks of all stems as they are written, `(stems, channels, n)`, and how many samples of each clip."""
    info, targets = inspection.info, separation.model.targets
    patience = separation.config.limits.decoder_seconds
    blocks = read_blocks(recording, BLOCK, dtype=encoding_for(info.subtype).dtype, patience=patience)
    with closing(blocks):
        # what the network hears runs ahead of what the stems must add up to, by a few segments
        heard, kept = tee(blocks)
        floats = (_as_float(block) for block in heard)
        ahead = estimate_stems(separation.model, separation.stems_of, floats, info.rate, info.channels)
        estimates = SampleQueue(ahead, (len(targets), info.channels))
        for block in kept:
            wanted = estimates.take(block.shape[-1])
            yield add_up(output.encoding, block, wanted), count_clipped(output.encoding, wanted)


def _as_float(samples: Samples) -> Audio:
    if samples.dtype == np.int32:
        return samples.astype(np.float32) * np.float32(2.0**-31)
    return samples.astype(np.float32)
