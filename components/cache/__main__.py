"""`python -m components.cache`: the command of the DVC stage `cache`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.cache.cache import cache
from components.cache.config import CacheConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE


def run(
    data: Annotated[Path, Option(help="Folder of the manifest.")] = WORKSPACE / "acquire",
    out: Annotated[Path, Option(help="Folder for the shards.")] = WORKSPACE / "cache",
) -> None:
    """Decode the training and validation tracks and store their stems as shards."""
    cache(load_section("cache", CacheConfig), data, out)


if __name__ == "__main__":
    run_step_command(run, "components.cache")
