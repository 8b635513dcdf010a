"""`python -m components.separate.tracing.reproduce STEM`: make a stem again from its recording, and compare.

Ends with 0 when it is the same to the last bit or, made on another kind of machine, nearer than NEAR_DB; else with 1.
"""

import argparse
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.base.params import parse_section
from components.core.base.step_command import run_step
from components.core.models.addresses import SHIPPED, ModelAddress, fetch_model
from components.core.models.bundle import load_model
from components.core.models.registry_names import REGISTRY
from components.core.stores.opening import open_store
from components.separate.config import SeparateConfig
from components.separate.options import MODELS_FOLDER
from components.separate.recording.stem_settings import recipe_of
from components.separate.recording.stems import BLOCK, separate_file
from components.separate.tracing.lineage import Stem, find_stem
from components.separate.workers.messages import Order
from components.separate.workers.stem_storage import machine
from components.separate.workers.worker import separation_of

NEAR_DB = -40.0
"""The difference, against the stem, lies at least so low where another kind of processor computed in half precision."""

DIFFERENT = 1


def reproduce(stem: Stem, source: str, model: str) -> bool:
    """Separate the recording again and print how the stem compares; return whether it is the same or near.

    `source` and `model` stand in for what the provenance names, where that has moved. Raises UserError where recording
    or model are not those that the stem was made of.
    """
    with tempfile.TemporaryDirectory(prefix="stemline-") as folder:
        arriving, leaving = Path(folder) / "arriving", Path(folder) / "leaving"
        arriving.mkdir()
        leaving.mkdir()
        recording = _recording(stem, source, arriving)
        again = separate_file(separation_of(_order(stem, model), "cpu"), recording, leaving).stems[stem.target]
        return _compare(stem, _kept(stem, arriving), again)


def _recording(stem: Stem, source: str, folder: Path) -> Path:
    made = stem.provenance["source"]
    moved = source or made["store"]
    store = open_store(moved)
    entries = [entry for entry in store.recordings() if source or entry.key == made["key"]]
    path = store.fetch(entries[0], folder) if len(entries) == 1 else None
    if path is None or not path.is_file() or digest_file(path) != made["sha256"]:
        where = moved if source else f"{made['key']} of {moved}"
        raise UserError(f"{where} is not the recording that the stem was made of: give it with --source")
    return path


def _compare(stem: Stem, kept: Path, again: Path) -> bool:
    if digest_file(again) == digest_file(kept):
        print(f"{stem.file}: identical, SHA-256 {digest_file(again)}")
        return True
    distance = distance_db(kept, again)
    same_machine = stem.provenance["machine"] == machine()
    where = "the same kind of machine" if same_machine else "another kind of machine"
    print(f"{stem.file}: differs; the difference is {-distance:.1f} dB below the stem; it was made on {where}")
    if digest_file(kept) != stem.provenance["stems"][stem.target]["sha256"]:
        print(f"{stem.file}: and the file is not the one that its provenance names: it was changed since")
    return not same_machine and distance <= NEAR_DB


def distance_db(kept: Path, again: Path) -> float:
    """Return the energy of the difference against that of `kept`, in dB; infinite for different lengths."""
    signal = difference = 0.0
    if soundfile.info(kept).frames != soundfile.info(again).frames:
        return math.inf
    blocks = (soundfile.blocks(path, BLOCK, dtype="float64") for path in (kept, again))
    for first, second in zip(*blocks, strict=True):
        signal += float(np.square(first).sum())
        difference += float(np.square(first - second).sum())
    return 10 * math.log10((difference + 1e-20) / (signal + 1e-20))


def _kept(stem: Stem, folder: Path) -> Path:
    store = open_store(f"{stem.folder}/{stem.file}")
    [entry] = store.recordings()  # of a single file: itself
    return store.fetch(entry, folder)


def _order(stem: Stem, model: str) -> Order:
    """Return the order that the stem was made by; raises UserError where its model is not at hand."""
    options = stem.provenance["options"]
    values = {name: options[name] for name in ("post", "format", "stems", "precision")}
    config = parse_section("options", values, SeparateConfig, f"{stem.folder}/provenance.json")
    address = _address(stem, model)
    recipe = recipe_of(load_model(address.folder), address, config)
    if recipe.model["sha256"] != stem.provenance["model"]["sha256"]:
        raise UserError(f"{address.folder} is not the model that made {stem.file}: give it with --model")
    return Order("", "", address, config, recipe, lanes=1)


def _address(stem: Stem, model: str) -> ModelAddress:
    made = stem.provenance["model"]
    registered = f"{REGISTRY}{made['name']}/{made['version']}" if made["version"] else str(SHIPPED)
    return fetch_model(model or registered, MODELS_FOLDER)


def main() -> None:
    """Parse the command line and compare."""
    parser = argparse.ArgumentParser(prog="python -m components.separate.tracing.reproduce", description=__doc__)
    parser.add_argument("stem", help="a stem's file, or its s3:// address")
    parser.add_argument("--source", default="", help="the recording, where it has moved")
    parser.add_argument("--model", default="", help="the model, where it has moved")
    arguments = parser.parse_args()
    run_step(lambda: _work(arguments))


def _work(arguments: argparse.Namespace) -> None:
    if not reproduce(find_stem(arguments.stem), arguments.source, arguments.model):
        sys.exit(DIFFERENT)


if __name__ == "__main__":
    main()
