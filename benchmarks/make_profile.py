"""Makes the profile of a finished model from the cache that it was trained on: what trainings do at their end.

python -m benchmarks.make_profile --cache workspace/cache --model models/vocal-isolation
"""

import argparse
from pathlib import Path

from components.core.bundle import load_model
from components.core.profile import PROFILE, read_profile
from components.core.profile_making import write_training_profile
from components.core.shards import ShardReader

SPLIT = "train"


def main() -> None:
    """Measure the cache's training tracks, and write the profile beside the model's weights."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.make_profile", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="the cache's folder, made with the model's params")
    parser.add_argument("--model", type=Path, required=True, help="the model's folder")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    path = arguments.model / PROFILE
    write_training_profile(ShardReader(arguments.cache, SPLIT), path, {"model": model.digest, "split": SPLIT})
    for group in read_profile(path).groups:
        print(f"{group.name}: {group.tracks} tracks, radius {group.radius}")


if __name__ == "__main__":
    main()
