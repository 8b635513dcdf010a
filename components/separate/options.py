"""The options that every command of this step takes, and what they ask for."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.params import PARAMS, load_section, parse_section
from components.core.base.workspace import SCRATCH
from components.core.models.addresses import SHIPPED, ModelAddress, fetch_model, has_registered_version
from components.core.models.registry_names import REGISTRY
from components.separate.config import SeparateConfig
from components.separate.job import Request
from components.separate.listing.source_listing import Choice

MODELS_FOLDER = SCRATCH / "models"
"""Where models from a registry are kept, each version once."""


@dataclass(frozen=True)
class Asked:
    """What a command line asks for: a model that was found, how to separate, and what."""

    address: ModelAddress
    config: SeparateConfig
    request: Request


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add source, destination and options to a parser."""
    parser.add_argument("source", help="a recording, a folder, or s3://bucket/folder")
    parser.add_argument("destination", help="a folder or s3://bucket/folder for the stems")
    parser.add_argument("--model", help="models:/NAME@ALIAS, models:/NAME/VERSION or a folder (default: params.yaml)")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="where fetched models are kept")
    parser.add_argument("--stems", help="which stems, e.g. vocals or vocals,accompaniment (default: all)")
    parser.add_argument("--format", help="wav, flac, aiff or caf")
    parser.add_argument("--workers", type=int, help="processes (default: one a core, or a GPU)")
    parser.add_argument("--limit", type=int, default=0, help="separate at most so many recordings now")
    parser.add_argument("--include", action="append", default=[], help="only names that match, e.g. '*.flac'")
    parser.add_argument("--exclude", action="append", default=[], help="no names that match, e.g. 'demos/*'")
    parser.add_argument("--manifest", default="", help="a file with a recording's key a line, or a CSV's column 'key'")
    parser.add_argument("--retry-quarantined", action="store_true", help="try those in quarantine once more")


def asked_for(arguments: argparse.Namespace) -> Asked:
    """Return what the options ask for; raises UserError for what can't be."""
    if arguments.limit < 0:
        raise UserError(f"--limit {arguments.limit}: give the number of recordings to separate at most")
    config = config_of(arguments)
    named, models = arguments.model, arguments.models
    address = fetch_model(named, models) if named else _live(config.model, models)
    choice = Choice(tuple(arguments.include), tuple(arguments.exclude), arguments.manifest)
    places = (arguments.source, arguments.destination)
    return Asked(address, config, Request(*places, choice, arguments.limit, arguments.retry_quarantined))


def config_of(arguments: argparse.Namespace) -> SeparateConfig:
    """Return the section of params.yaml, with what the command line says instead."""
    # outside the repository, the parameters' own values do
    config = load_section("separate", SeparateConfig) if PARAMS.is_file() else SeparateConfig()
    given: dict[str, Any] = {name: getattr(arguments, name) for name in ("format", "workers")}
    if arguments.stems is not None:
        given["stems"] = [name.strip() for name in arguments.stems.split(",")]
    changed = {name: value for name, value in given.items() if value is not None}
    return parse_section("separate", {**config.model_dump(mode="json"), **changed}, SeparateConfig, "command line")


def _live(address: str, models: Path) -> ModelAddress:
    """Return the champion; before there is one, the model that ships with Stemline, and say so."""
    if not address.startswith(REGISTRY) or has_registered_version(address):
        return fetch_model(address, models)
    print(f"separate: the registry has no {address} yet: separating with the shipped model {SHIPPED.name}", flush=True)
    return fetch_model(str(SHIPPED), models)
