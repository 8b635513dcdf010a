"""The command line of separation: what its options ask for."""

from typing import Any

from components.core.base.params import load_section_or_default, parse_section
from components.core.base.section_options import given_options
from components.core.models.addresses import SHIPPED, ModelAddress, fetch_model, has_registered_version
from components.core.models.registry_names import REGISTRY
from components.separate.config import JobOptions, SeparateConfig
from components.separate.job import Job


def prepare_job(source: str, destination: str, options: dict[str, Any]) -> Job:
    """Return the job that a command line asks for; `options` are those of SeparateConfig and JobOptions.

    An option replaces the parameter of the same name in params.yaml, or in Stemline's own where there is no such file.
    Raises UserError for a value that does not fit, and for a model that does not exist.
    """
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
    if not address.startswith(REGISTRY) or has_registered_version(address):
        return fetch_model(address, options.models)
    print(f"separate: the registry has no {address} yet: separating with the shipped model {SHIPPED.name}", flush=True)
    return fetch_model(str(SHIPPED), options.models)
