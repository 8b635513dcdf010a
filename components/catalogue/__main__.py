"""`python -m components.catalogue`: what the flow runs when it is given nothing else to separate."""

import argparse
from pathlib import Path

from components.catalogue.catalogue import make_catalogue
from components.catalogue.config import CatalogueConfig
from components.core.entry import run_step
from components.core.params import load_section
from components.core.workspace import WORKSPACE


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.catalogue", description=__doc__)
    parser.add_argument("--data", type=Path, default=WORKSPACE / "acquire", help="folder of the manifest")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "catalogue", help="folder for the recordings")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    files = make_catalogue(load_section("catalogue", CatalogueConfig), arguments.data, arguments.out)
    print(f"catalogue: {len(files)} recordings in {arguments.out}")


if __name__ == "__main__":
    main()
