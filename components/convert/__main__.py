"""`python -m components.convert KIND SOURCE FOLDER`: what `stemline convert` runs."""

import argparse
from pathlib import Path

from components.convert.convert import KINDS, convert
from components.core.entry import run_step


def main() -> None:
    """Parse the command line and convert."""
    parser = argparse.ArgumentParser(prog="python -m components.convert", description=__doc__)
    parser.add_argument("kind", help=f"whose weights: {', '.join(KINDS)}")
    parser.add_argument("source", help="a name such as umxhq, a file, or a folder")
    parser.add_argument("folder", type=Path, help="where the model goes")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    converted = convert(arguments.kind, arguments.source, arguments.folder)
    print(f"convert: {arguments.folder} separates {', '.join(converted.targets)} at {converted.rate} Hz")


if __name__ == "__main__":
    main()
