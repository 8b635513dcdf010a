"""`python -m components.cache`: the command of the DVC stage."""

import argparse
from pathlib import Path

from components.cache.cache import cache
from components.cache.config import CacheConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.cache", description=__doc__)
    parser.add_argument("--data", type=Path, default=WORKSPACE / "acquire", help="folder of the manifest")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "cache", help="folder of the shards")
    arguments = parser.parse_args()
    run_step(lambda: cache(load_section("cache", CacheConfig), arguments.data, arguments.out))


if __name__ == "__main__":
    main()
