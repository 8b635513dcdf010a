"""`python -m components.catalogue`: writes the recordings that `stemline run` separates when it is given none."""

from pathlib import Path
from typing import Annotated

from typer import Option

from components.catalogue.catalogue import make_catalogue
from components.catalogue.config import CatalogueConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE


def catalogue(
    data: Annotated[Path, Option(help="Folder of the manifest.")] = WORKSPACE / "acquire",
    out: Annotated[Path, Option(help="Folder for the recordings.")] = WORKSPACE / "catalogue",
) -> None:
    """Write held-back recordings as FLAC files, to be separated."""
    files = make_catalogue(load_section("catalogue", CatalogueConfig), data, out)
    print(f"catalogue: {len(files)} recordings in {out}")


if __name__ == "__main__":
    run_step_command(catalogue, "components.catalogue")
