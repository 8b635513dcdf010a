"""`python -m components.acquire --out workspace/acquire`: the command of the DVC stage `acquire`."""

import argparse
from pathlib import Path

from components.acquire.acquire import acquire
from components.acquire.config import AcquireConfig
from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.base.workspace import SCRATCH, WORKSPACE


def main() -> None:
    """Read the arguments and the section `acquire`, and run the step."""
    parser = argparse.ArgumentParser(prog="python -m components.acquire", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=WORKSPACE / "acquire", help="folder to write (default: %(default)s)"
    )
    parser.add_argument("--scratch", type=Path, default=SCRATCH / "acquire", help="downloads resume from here")
    parser.add_argument("--params", type=Path, default=Path("params.yaml"))
    arguments = parser.parse_args()
    run_step(
        lambda: acquire(
            load_section("acquire", AcquireConfig, arguments.params), arguments.out, arguments.scratch.resolve()
        )
    )


if __name__ == "__main__":
    main()
