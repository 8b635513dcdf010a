"""One recording becomes stems: local file in, local files out; stems, picture and figures come from one pass."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from itertools import tee
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from components.core.base.files import digest_file
from components.core.data.stem_provenance import Provenance, SourceFile, StemFile, StemFormat, StemSettings
from components.core.models.model_folder import Model
from components.core.networks.base.separator import Separator
from components.core.separating.segment_pool import SegmentPool
from components.core.separating.segments import separate_blocks, separate_in_pool
from components.core.sound.decoding import Audio
from components.core.sound.training_profile import Profile
from components.core.stores.selection import ListedFile
from components.core.tracking import provenance
from components.separate.config import SeparateConfig
from components.separate.recording.inspection import BLOCK, Inspection, inspect
from components.separate.recording.quality import QualityMeter
from components.separate.recording.quantisation import Samples, add_up, count_clipped, encoding_for
from components.separate.recording.spectrogram_picture import SpectrogramPicture
from components.separate.recording.stem_estimation import SampleQueue, estimate_stems
from components.separate.recording.stem_files import OutputFormat, StemWriter, choose_output_format
from components.separate.recording.tags.file_tags import describe_left_out, read_tags, write_tags

PICTURE = "spectrogram.png"

ReportProgress = Callable[[float, float], None]
"""Takes the seconds of the recording that are done, and their share of its length."""


@dataclass(frozen=True)
class Separation:
    """A model that is ready to separate.

    settings   the settings that provenance files name
    separator  the model's network as it runs here
    lanes      segments that run at once
    pool       where the segments of several recordings share forward passes; None: each recording runs alone
    """

    model: Model
    settings: StemSettings
    separator: Separator
    profile: Profile | None
    config: SeparateConfig
    lanes: int
    pool: SegmentPool | None = None

    def separate_blocks(self, blocks: Iterable[Audio]) -> Iterator[Audio]:
        """Turn blocks of a mixture, `(channels, any)` at the model's rate, into blocks `(stems, channels, any)`."""
        if self.pool is not None:
            return separate_in_pool(self.pool, blocks, self.config.post.overlap)
        return separate_blocks(self.separator, blocks, self.config.post.overlap, self.lanes)


@dataclass(frozen=True)
class RecordingFile:
    """A recording as a local file: its path and SHA-256, and the store and entry that it was fetched from."""

    path: Path
    sha256: str
    store: str
    entry: ListedFile


def separate_file(
    separation: Separation, recording: RecordingFile, folder: Path, report: ReportProgress = lambda *_: None
) -> Provenance:
    """Write the stems of `recording` to `folder`, with its length, rate and channels; they add up to it.

    Raises Unfit when the recording can't be separated, and OSError when the stems can't be written.
    """
    inspection = inspect(recording.path, separation.config.limits)
    targets, info = separation.model.targets, inspection.info
    output = choose_output_format(info, inspection.peak, inspection.samples, separation.config.format)
    paths = {target: folder / f"{target}{output.suffix}" for target in separation.settings.options.stems}
    quality = QualityMeter(targets, info.rate, separation.profile)
    picture = (
        SpectrogramPicture(targets, inspection.samples, info.rate, tuple(paths)) if separation.config.pictures else None
    )
    clipped = np.zeros(len(targets), np.int64)
    done = 0
    with ExitStack() as files:
        writers = {
            target: files.enter_context(StemWriter(path, output, info.rate, info.channels))
            for target, path in paths.items()
        }
        for stems, clipped_now in _make_stems(separation, inspection, output):
            for target, stem in zip(targets, stems, strict=True):
                if target in writers:
                    writers[target].write(stem)
            samples = _as_float(stems)
            quality.add(samples)
            if picture is not None:
                picture.add(samples)
            clipped += clipped_now
            done += stems.shape[-1]
            report(done / info.rate, done / inspection.samples)
    tags = read_tags(recording.path)
    for target, path in paths.items():
        write_tags(path, tags, target)
    if picture is not None:
        picture.write(folder / PICTURE)
    clips = dict(zip(targets, clipped.tolist(), strict=True))
    measured = quality.result()
    return Provenance(
        source=_describe_source(recording, inspection),
        model=separation.settings.model,
        options=separation.settings.options,
        stems={
            target: StemFile(file=path.name, sha256=digest_file(path), clipped=clips[target])
            for target, path in paths.items()
        },
        format=StemFormat(subtype=output.encoding.subtype, instead_because=output.reason),
        picture=PICTURE if picture is not None else "",
        left_out=(*_other_streams(inspection), *describe_left_out(tags, output.container)),
        figures=measured.figures(),
        features=measured.features,
        code=_git_commit(),
        packages=provenance.package_versions(),
        machine=describe_machine(),
    )


def _other_streams(inspection: Inspection) -> tuple[str, ...]:
    """Say that a file has more than the audio stream that is separated, which is the first."""
    others = inspection.info.streams - 1
    return (f"{others} audio {'stream' if others == 1 else 'streams'} behind the first",) if others > 0 else ()


@cache
def _git_commit() -> str:
    return provenance.git_commit()


@cache
def describe_machine() -> dict[str, str]:
    """Return the kind of this machine: on the same kind, the same bytes come out."""
    return {**provenance.machine(), "hardware": provenance.hardware()}


def _describe_source(recording: RecordingFile, inspection: Inspection) -> SourceFile:
    return SourceFile(
        store=recording.store,
        key=recording.entry.key,
        bytes=recording.entry.size,
        stamp=recording.entry.stamp,
        sha256=recording.sha256,
        samples=inspection.samples,
        samples_sha256=inspection.digest,
        rate=inspection.info.rate,
        channels=inspection.info.channels,
        subtype=inspection.info.subtype,
        decoder=inspection.recording.decoder.version,
    )


def _make_stems(
    separation: Separation, inspection: Inspection, output: OutputFormat
) -> Iterator[tuple[Samples, NDArray[np.int64]]]:
    """Yield blocks of all stems as they are written, `(stems, channels, n)`, and the clipped samples of each stem."""
    info, targets = inspection.info, separation.model.targets
    blocks = inspection.recording.read_blocks(BLOCK, encoding_for(info.subtype).dtype)
    with closing(blocks):
        # the network reads a few segments ahead of the samples that the stems must add up to
        ahead, recorded = tee(blocks)
        floats = (_as_float(block) for block in ahead)
        estimated = estimate_stems(separation.model, separation.separate_blocks, floats, info.rate, info.channels)
        estimates = SampleQueue(estimated, (len(targets), info.channels))
        for block in recorded:
            estimate = estimates.take(block.shape[-1])
            yield add_up(output.encoding, block, estimate), count_clipped(output.encoding, estimate)


def _as_float(samples: Samples) -> Audio:
    if samples.dtype == np.int32:
        return samples.astype(np.float32) * np.float32(2.0**-31)
    return samples.astype(np.float32)
