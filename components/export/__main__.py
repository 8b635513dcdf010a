"""`python -m components.export FOLDER`: the work behind `stemline export`."""

import argparse
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.export.export import export
from components.export.network import export_network


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.export", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--train", type=Path, default=WORKSPACE / "train", help="folder of the model and its run.json")
    parser.add_argument(
        "--evaluate", type=Path, action="append", help="folder of its scores, the most important first; repeatable"
    )
    parser.add_argument("--data", type=Path, default=WORKSPACE / "acquire", help="folder of the manifest")
    parser.add_argument(
        "--licence", action="append", default=[], metavar="DATASET=TEXT", help="what a data set is and allows"
    )
    parser.add_argument("--onnx", action="store_true", help="the network as an ONNX file besides, in MLflow too")
    arguments = parser.parse_args()
    run_step(lambda: _work(arguments))


def _work(arguments: argparse.Namespace) -> None:
    licences = dict(_licence(text) for text in arguments.licence)
    evaluations = arguments.evaluate or [WORKSPACE / "evaluate"]
    export(arguments.train, evaluations, arguments.data, arguments.out, licences)
    if arguments.onnx:
        export_network(arguments.train, arguments.out)


def _licence(text: str) -> tuple[str, str]:
    dataset, _, terms = text.partition("=")
    if not (dataset and terms):
        raise UserError(f"--licence {text}: write DATASET=TEXT, such as 'folder=our own recordings, CC0'")
    return dataset, terms


if __name__ == "__main__":
    main()
