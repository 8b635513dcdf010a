"""Separate every recording of a source into stems at a destination.

For the recording `albums/song.flac` the destination gets

    albums/song.flac/vocals.wav, accompaniment.wav …    a stem each
    albums/song.flac/provenance.json                    written last: where it is, the recording is done
"""

import json
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from components.core import provenance
from components.core.audio import AudioInfo, probe, read_blocks
from components.core.bundle import Model, load_model
from components.core.errors import UserError
from components.core.files import digest_file, write_json
from components.core.model_store import ModelAddress
from components.core.postprocessing import PostProcessing
from components.core.progress import with_progress
from components.separate.quantise import Encoding, add_up, encoding_for
from components.separate.recording import SampleQueue, estimate_stems
from components.separate.stores import PROVENANCE, Store

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """How many recordings were separated, were done before, and failed (address and reason of each)."""

    separated: int
    skipped: int
    failed: tuple[tuple[str, str], ...]


def separate(address: ModelAddress, post: PostProcessing, source: Store, destination: Store) -> Outcome:
    """Separate what is in `source` and not yet in `destination` with the model at `address`, as `post` says.

    A recording that cannot be read is reported in the outcome and stops no other.
    """
    model = load_model(address.folder)
    separated, skipped, failed = 0, 0, []
    keys = source.recordings()
    for key in with_progress(keys, "separate", len(keys), "recordings"):
        try:
            if separate_one(model, address, post, source, destination, key):
                separated += 1
            else:
                skipped += 1
        except UserError as error:
            failed.append((source.describe(key), str(error)))
    return Outcome(separated, skipped, tuple(failed))


def separate_one(
    model: Model, address: ModelAddress, post: PostProcessing, source: Store, destination: Store, key: str
) -> bool:
    """Separate one recording; return False when the destination has it already: same source, model and `post`."""
    with source.local_copy(key) as recording, tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        origin = _origin(model, address, post, recording, key)
        if _is_done(destination, key, origin):
            return False
        try:
            stems = write_stems(model, post, recording, Path(folder))
        except soundfile.LibsndfileError as error:
            raise UserError(f"the stems cannot be written to {folder} ({error}): is the disk full?") from None
        for path in stems.values():
            destination.put(path, f"{key}/{path.name}")
        files = {target: {"file": path.name, "sha256": digest_file(path)} for target, path in stems.items()}
        write_json(Path(folder) / PROVENANCE, {**origin, "stems": files, **_circumstances()})
        destination.put(Path(folder) / PROVENANCE, f"{key}/{PROVENANCE}")
    return True


def write_stems(model: Model, post: PostProcessing, recording: Path, folder: Path) -> dict[str, Path]:
    """Write a WAV file a target to `folder`: the recording's length, rate and channels, and its sum."""
    info = probe(recording)
    encoding = encoding_for(info.subtype)
    # two passes over the file, in step: what the model hears, and what the stems must add up to
    heard = (_as_float(block) for block in read_blocks(recording, _BLOCK, dtype=encoding.dtype))
    estimates = SampleQueue(
        estimate_stems(model, post, heard, info.rate, info.channels), (len(model.targets), info.channels)
    )
    paths = {target: folder / f"{target}.wav" for target in model.targets}
    with ExitStack() as files:
        writers = [files.enter_context(_writer(path, info, encoding)) for path in paths.values()]
        for block in read_blocks(recording, _BLOCK, dtype=encoding.dtype):
            stems = add_up(encoding, block, estimates.take(block.shape[1]))
            for writer, stem in zip(writers, stems, strict=True):
                writer.write(np.ascontiguousarray(stem.T))
    return paths


def _as_float(block: NDArray[Any]) -> NDArray[np.float32]:
    if block.dtype == np.int32:
        return (block / 2.0**31).astype(np.float32)
    return block.astype(np.float32)


def _writer(path: Path, info: AudioInfo, encoding: Encoding) -> Any:
    return soundfile.SoundFile(path, "w", info.rate, info.channels, encoding.subtype, format="WAV")


def _origin(model: Model, address: ModelAddress, post: PostProcessing, recording: Path, key: str) -> dict[str, Any]:
    """What decides the stems: the same again means the same stems."""
    return {
        "source": {"key": key, "sha256": digest_file(recording), **asdict(probe(recording))},
        "model": {
            "name": address.name,
            "version": address.version,
            "sha256": model.digest,
            "run_id": model.origin.get("run_id"),
            "git_commit": model.origin.get("git_commit"),
            "targets": list(model.targets),
        },
        "post": post.model_dump(mode="json"),
    }


def _circumstances() -> dict[str, Any]:
    return {
        "code": provenance.git_commit(),
        "packages": provenance.package_versions(),
        "machine": provenance.machine(),
    }


def _is_done(destination: Store, key: str, origin: dict[str, Any]) -> bool:
    found = destination.read(f"{key}/{PROVENANCE}")
    if found is None:
        return False
    try:
        document = json.loads(found)
        return {name: document.get(name) for name in origin} == origin
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError):
        return False  # not ours, or damaged: made again
