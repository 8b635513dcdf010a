"""`python -m components.shadow`: two models on the same recordings, for a person to listen to blind."""

import argparse
from pathlib import Path

import torch

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import WORKSPACE
from components.shadow.candidates import AsSeparated, load_pair
from components.shadow.config import ShadowConfig
from components.shadow.shadow import PAGE, shadow


def main() -> None:
    """Parse the command line and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.shadow", description=__doc__)
    parser.add_argument("--challenger", required=True, help="models:/NAME/VERSION, or the folder of a model")
    parser.add_argument("--champion", required=True, help="the same for the model to compare it with")
    parser.add_argument("--source", default="", help="a folder or s3://bucket/folder in place of shadow.source")
    parser.add_argument("--out", type=Path, default=WORKSPACE / "shadow", help="folder for page and key")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)  # as separate computes: two threads give other bits
    config = load_section("shadow", ShadowConfig)
    pair = load_pair(arguments.challenger, arguments.champion, load_section("separate", AsSeparated))
    source = arguments.source or config.source or str(WORKSPACE / "catalogue")
    key = shadow(config, pair, source, arguments.out)
    page = (arguments.out / PAGE / "index.html").resolve().as_uri()
    print(f"shadow: {len(key.recordings)} recordings to listen to at {page}")


if __name__ == "__main__":
    main()
