"""`python -m components.separate SOURCE DEST`: the work behind `stemline separate`."""

import argparse
import sys
from pathlib import Path

from components.core.entry import USER_ERROR, run_step
from components.core.model_store import REGISTRY, SHIPPED, ModelAddress, exists, fetch_model
from components.core.params import PARAMS, load_section
from components.core.workspace import SCRATCH
from components.separate.config import SeparateConfig
from components.separate.separate import Outcome, separate
from components.separate.stores import open_store


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.separate", description=__doc__)
    parser.add_argument("source", help="a recording, a folder, or s3://bucket/folder")
    parser.add_argument("destination", help="a folder or s3://bucket/folder for the stems")
    parser.add_argument("--model", help="models:/NAME@ALIAS, models:/NAME/VERSION or a folder (default: params.yaml)")
    parser.add_argument("--models", type=Path, default=SCRATCH / "models", help="where fetched models are kept")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    # outside the repository, the parameters' own values do
    config = load_section("separate", SeparateConfig) if PARAMS.is_file() else SeparateConfig()
    address = (
        fetch_model(arguments.model, arguments.models) if arguments.model else _live(config.model, arguments.models)
    )
    source, destination = open_store(arguments.source), open_store(arguments.destination)
    outcome = separate(address, config.post, source, destination)
    _report(outcome, arguments.destination)
    if outcome.failed:
        sys.exit(USER_ERROR)


def _live(address: str, models: Path) -> ModelAddress:
    """Return the champion; before there is one, the model that ships with Stemline, and say so."""
    if not address.startswith(REGISTRY) or exists(address):
        return fetch_model(address, models)
    print(f"separate: the registry has no {address} yet: separating with the shipped model {SHIPPED.name}", flush=True)
    return fetch_model(str(SHIPPED), models)


def _report(outcome: Outcome, destination: str) -> None:
    for address, reason in outcome.failed:
        print(f"failed: {address}: {reason}", file=sys.stderr)
    total = outcome.separated + outcome.skipped + len(outcome.failed)
    print(
        f"separate: {total} recordings = {outcome.separated} separated + {outcome.skipped} done before "
        f"+ {len(outcome.failed)} failed; stems in {destination}"
    )


if __name__ == "__main__":
    main()
