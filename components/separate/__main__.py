"""`python -m components.separate SOURCE DEST`: the work behind `stemline separate`.

Ends with 0 when every recording is separated, 2 when the job had to stop, 3 when some failed and the same command may
help, 4 when all that can be separated is, and the others are in quarantine.
"""

import argparse

from components.core.base.step_command import run_step
from components.separate.workers.fork_server import start_server


def main() -> None:
    """Parse the command line and run the step."""
    start_server()  # before the imports below, which take as long as its own
    from components.separate.options import add_options

    parser = argparse.ArgumentParser(
        prog="python -m components.separate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    from components.separate.job_results import end_with, plan_only, run_job
    from components.separate.options import asked_for

    asked = asked_for(arguments)
    if arguments.dry_run:
        plan_only(asked.address, asked.config, asked.request)
    else:
        end_with(run_job(asked.address, asked.config, asked.request))


if __name__ == "__main__":
    main()
