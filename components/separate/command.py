"""The command `python -m components.separate`, and the job that a command line asks for."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from components.core.base.errors import Outage, UserError
from components.core.base.params import load_section_or_default, parse_section
from components.core.base.section_options import given_options, with_options
from components.core.base.step_command import runs_in_flow
from components.core.models.addresses import SHIPPED, ModelAddress, fetch_model
from components.core.models.model_description import REGISTRY
from components.core.release.model_in_use import find_model_in_use
from components.core.release.registry_sections import PromoteConfig
from components.core.tracking.mlflow_address import require_answer
from components.separate.config import JobOptions, SeparateConfig
from components.separate.job import Job
from components.separate.job_results import exit_with_result, print_plan, run_job

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


def prepare_job(source: str, destination: str, options: dict[str, Any]) -> Job:
    """Return the job that a command line asks for; `options` are those of SeparateConfig and JobOptions.

    An option replaces the parameter of the same name in params.yaml, or in Stemline's own where there is no such file.
    Raises UserError for an empty place, a value that does not fit, and a model that does not exist.
    """
    for name, value in (("SOURCE", source), ("DESTINATION", destination)):
        if not value.strip():
            raise UserError(f"{name} is empty: name a recording or a folder, e.g. songs/ or s3://bucket/songs")
    given = given_options(options, SeparateConfig)
    parameters = load_section_or_default("separate", SeparateConfig).model_dump(mode="json")
    config = parse_section("separate", {**parameters, **given}, SeparateConfig, "command line")
    job_options = parse_section("separate", given_options(options, JobOptions), JobOptions, "command line")
    if "model" in given:
        address = fetch_model(config.model, job_options.models)
    else:
        address = _fetch_live_model(config.model, job_options)
    return Job(address, config, source, destination, job_options)


def _fetch_live_model(address: str, options: JobOptions) -> ModelAddress:
    """Return the champion; before there is one, the model that ships with Stemline, and print that."""
    if address.startswith(REGISTRY) and not runs_in_flow():
        _require_registry()
    in_use = find_model_in_use(address, load_section_or_default("promote", PromoteConfig))
    if in_use != address:
        name = Path(in_use).name
        print(f"separate: no version is live at {address}: separating with the shipped model {name}", flush=True)
    return fetch_model(in_use, options.models)


def _require_registry() -> None:
    """Raise Outage within seconds when the registry does not answer: a person waits for this command."""
    try:
        require_answer()
    except Outage as error:
        remedy = f"run it again later, or name a folder with a model, e.g. --model {SHIPPED}"
        raise Outage(f"{error}; so the live model is unknown: {remedy}") from None
