"""`python -m components.separate.lineage.reproduce STEM`: make a stem again from its recording, and compare both.

Exit code 0: both are identical, or differ by less than NEAR_DB on a different kind of machine; 1: they differ.
"""

import math
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
from typer import Argument, Option

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.base.params import load_section_or_default, parse_section
from components.core.base.step_command import run_step_command
from components.core.data.stem_provenance import Provenance
from components.core.models.addresses import SHIPPED, ModelAddress, fetch_model
from components.core.models.model_description import REGISTRY
from components.core.stores.opening import open_store
from components.separate.config import JobOptions, SeparateConfig
from components.separate.lineage.trace import Stem, find_stem
from components.separate.recording.inspection import BLOCK
from components.separate.recording.stem_settings import read_settings
from components.separate.recording.stems import RecordingFile, describe_machine, separate_file
from components.separate.workers.messages import WorkerSetup
from components.separate.workers.worker import prepare_separation

NEAR_DB = -40.0
"""The difference is at least so far below the stem when another kind of processor computed in half precision."""

DIFFERENT = 1
"""Exit code: the stem differs."""


def reproduce_stem(stem: Stem, source: str | None = None, model: str | None = None) -> bool:
    """Separate the recording again and print how the stem compares; return whether it is the same, or near.

    `source` and `model` replace the addresses in the provenance, when these have moved. Raises UserError when the
    recording or the model is not the one that the stem was made from.
    """
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        arriving, leaving = Path(folder) / "arriving", Path(folder) / "leaving"
        arriving.mkdir()
        leaving.mkdir()
        recording = _fetch_recording(stem, source, arriving)
        separation = prepare_separation(_restore_setup(stem, model), "cpu")
        again = separate_file(separation, recording, leaving)
        return _compare(stem, _fetch_stem(stem, arriving), leaving / again.stems[stem.target].file)


def _fetch_recording(stem: Stem, source: str | None, folder: Path) -> RecordingFile:
    made = stem.provenance.source
    address = source or made.store
    store = open_store(address)
    entries = [entry for entry in store.recordings() if source or entry.key == made.key]
    path = store.fetch(entries[0], folder) if len(entries) == 1 else None
    if path is None or not path.is_file() or digest_file(path) != made.sha256:
        where = address if source else f"{made.key} of {address}"
        raise UserError(f"{where} is not the recording that the stem was made from: give it with --source")
    return RecordingFile(path, made.sha256, store.address, entries[0])


def _compare(stem: Stem, kept: Path, again: Path) -> bool:
    if digest_file(again) == digest_file(kept):
        print(f"{stem.file}: identical, SHA-256 {digest_file(again)}")
        return True
    distance = measure_distance_db(kept, again)
    same_machine = stem.provenance.machine == describe_machine()
    where = "the same kind of machine" if same_machine else "another kind of machine"
    print(f"{stem.file}: differs; the difference is {-distance:.1f} dB below the stem; it was made on {where}")
    if digest_file(kept) != stem.provenance.stems[stem.target].sha256:
        print(f"{stem.file}: it was changed after it was made: its checksum is not the one in the provenance")
    return not same_machine and distance <= NEAR_DB


def measure_distance_db(kept: Path, again: Path) -> float:
    """Return the energy of the difference against that of `kept`, in dB; infinite for different lengths."""
    signal = difference = 0.0
    if soundfile.info(kept).frames != soundfile.info(again).frames:
        return math.inf
    blocks = (soundfile.blocks(path, BLOCK, dtype="float64") for path in (kept, again))
    for first, second in zip(*blocks, strict=True):
        signal += float(np.square(first).sum())
        difference += float(np.square(first - second).sum())
    return 10 * math.log10((difference + 1e-20) / (signal + 1e-20))


def _fetch_stem(stem: Stem, folder: Path) -> Path:
    store = open_store(f"{stem.folder}/{stem.file}")
    [entry] = store.recordings()  # a single file lists itself
    return store.fetch(entry, folder)


def _restore_setup(stem: Stem, model: str | None) -> WorkerSetup:
    """Return the setup of the worker that made the stem; raises UserError when its model is not found."""
    parameters = load_section_or_default("separate", SeparateConfig).model_dump(mode="json")
    options = stem.provenance.options.model_dump(mode="json")
    where = f"{stem.folder}/{Provenance.FILE}"
    config = parse_section("options", {**parameters, **options}, SeparateConfig, where)
    address = _find_model(stem, model)
    settings = read_settings(address, config)
    if settings.model.sha256 != stem.provenance.model.sha256:
        raise UserError(f"{address.folder} is not the model that made {stem.file}: give it with --model")
    return WorkerSetup("", "", address, config, settings, lanes=1)


def _find_model(stem: Stem, model: str | None) -> ModelAddress:
    made = stem.provenance.model
    registered = f"{REGISTRY}{made.name}/{made.version}" if made.version else str(SHIPPED)
    return fetch_model(model or registered, JobOptions().models)


def reproduce(
    stem: Annotated[str, Argument(help="A stem's file, or its s3:// address.")],
    source: Annotated[str | None, Option(help="The recording, if it has moved.")] = None,
    model: Annotated[str | None, Option(help="The model, if it has moved.")] = None,
) -> None:
    """Make a stem again from its recording, and compare: bit for bit on the same kind of machine."""
    if not reproduce_stem(find_stem(stem), source, model):
        sys.exit(DIFFERENT)


if __name__ == "__main__":
    run_step_command(reproduce, "components.separate.lineage.reproduce")
