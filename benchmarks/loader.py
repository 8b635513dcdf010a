"""The speed of the loader of crops: `python -m benchmarks.loader --cache workspace/cache [--params params.yaml]`

Prints the crops that one process prepares in a second, on one and on several threads (`train.loading_threads`), with
all of `train.augment` and without any augmentation. The loader must be faster than the network (`python -m
benchmarks.training_step`). `python -m benchmarks.cache_format` compares the reading with the readers of musdb and
soundfile. The log of each training and MLflow (`train/share_waiting`) show the share of a step that waits for the
loader.
"""

import argparse
import time
from pathlib import Path

from components.core.base.parallel import available_cores
from components.core.base.params import PARAMS, load_section
from components.core.data.cache_format import ShardReader
from components.train.config import AugmentConfig, TrainConfig
from components.train.crops.loading import load_batches
from components.train.crops.sampler import CropSampler

NO_AUGMENTATION = dict.fromkeys(AugmentConfig.model_fields, 0.0)


def main() -> None:
    """Print crops per second, with and without augmentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("workspace/cache"))
    parser.add_argument("--params", type=Path, default=PARAMS)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--threads", type=int, default=available_cores())
    arguments = parser.parse_args()
    config = load_section("train", TrainConfig, arguments.params)
    reader = ShardReader(arguments.cache, "train")
    samples = round(config.crop_seconds * reader.rate)
    print(f"crops of {config.crop_seconds:g} s, {len(reader.tracks)} tracks")
    unchanged = config.augment.model_copy(update=NO_AUGMENTATION)
    for name, augment in (("augmented", config.augment), ("read only", unchanged)):
        sampler = CropSampler(reader, samples, config.model_copy(update={"augment": augment}))
        for threads in sorted({1, arguments.threads}):
            started = time.perf_counter()
            for _ in load_batches(sampler, range(arguments.batches), range(config.batch), threads):
                pass
            rate = arguments.batches * config.batch / (time.perf_counter() - started)
            speed = f"{rate:8.1f} crops/s {rate * config.crop_seconds:9.0f} audio s/s"
            print(f"{name:12}{threads:3} threads {speed}", flush=True)


if __name__ == "__main__":
    main()
