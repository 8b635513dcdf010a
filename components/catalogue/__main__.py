"""`python -m components.catalogue`: writes the recordings that `stemline run` separates by default."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.catalogue.catalogue import write_catalogue
from components.catalogue.config import CatalogueConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE


def run(
    data: Annotated[Path, Option(help="Folder of the manifest.")] = WORKSPACE / "acquire",
    out: Annotated[Path, Option(help="Folder for the recordings.")] = WORKSPACE / "catalogue",
) -> None:
    """Write held-back recordings as FLAC files, to be separated."""
    files = write_catalogue(load_section("catalogue", CatalogueConfig), data, out)
    print(f"catalogue: {len(files)} recordings in {out}")


if __name__ == "__main__":
    run_step_command(run, "components.catalogue")
