"""The command `python -m components.separate`."""

from typing import Annotated, Any

from typer import Argument, Option

from components.core.base.section_options import with_options
from components.separate.config import JobOptions, SeparateConfig
from components.separate.job_results import exit_with_result, print_plan, run_job
from components.separate.options import prepare_job

Source = Annotated[str, Argument(help="A recording, a folder of recordings, or s3://bucket/folder.")]
Destination = Annotated[str, Argument(help="A folder or s3://bucket/folder for the stems.")]


@with_options(SeparateConfig, JobOptions)
def separate(
    source: Source,
    destination: Destination,
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    **options: Any,
) -> None:
    """Separate recordings into stems that add up to them; defaults of the options stand in params.yaml.

    Recordings that are done are skipped; bad ones go to quarantine with a reason. Exit codes: 0 all are separated, 2
    the job had to stop, 3 some failed and the same command may help, 4 some are in quarantine, 75 a store or server did
    not answer.
    """
    job = prepare_job(source, destination, options)
    if dry_run:
        print_plan(job)
    else:
        exit_with_result(run_job(job))
