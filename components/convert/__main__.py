"""`python -m components.convert KIND SOURCE FOLDER`: what `stemline convert` runs."""

import argparse
from pathlib import Path

from components.convert.convert import KINDS, convert
from components.core.base.errors import UserError
from components.core.base.step_command import run_step
from components.core.networks.base.residual_stem import add_residual_target


def main() -> None:
    """Parse the command line and convert."""
    parser = argparse.ArgumentParser(prog="python -m components.convert", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for name, kind in KINDS.items():
        command = kinds.add_parser(name, help=(kind.read.__doc__ or "").splitlines()[0])
        command.add_argument("source", help="a name such as umxhq, a file, or a folder")
        command.add_argument("folder", type=Path, help="where the model goes")
        for option, text in kind.options.items():
            command.add_argument(f"--{option}", help=text)
    run_step(lambda: _work(*parser.parse_known_args()))


def _work(arguments: argparse.Namespace, unknown: list[str]) -> None:
    if unknown:
        kind = arguments.kind
        raise UserError(f"{kind} does not take {' '.join(unknown)}: `stemline convert {kind} -h` lists what it takes")
    given = {name: getattr(arguments, name) for name in KINDS[arguments.kind].options}
    said = {name: value for name, value in given.items() if value is not None}
    converted = convert(arguments.kind, arguments.source, arguments.folder, said)
    targets = ", ".join(add_residual_target(converted.targets))
    print(f"convert: {arguments.folder} separates {targets} at {converted.rate} Hz")


if __name__ == "__main__":
    main()
