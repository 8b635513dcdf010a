"""`stemline status`: the live model, which stages are fresh or stale and why, and where results are."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from ruamel.yaml import YAML

from components.core.base.errors import Outage, UserError
from components.core.base.params import PARAMS, load_section
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import SCORE_TABLE
from components.core.release.journal import open_journal
from components.core.release.model_in_use import describe_model_in_use
from components.core.release.registry_sections import PromoteConfig, load_model_name, load_separating_model
from components.core.tracking.mlflow_address import require_answer, store_address, store_exists
from pipelines.processes.command import CommandError
from pipelines.processes.dvc import STAGES, dvc_command, failure_line, is_busy

_LOCK = Path("dvc.lock")
_MOST_REASONS = 3
_CHANGES = {"modified": "changed", "deleted": "is missing", "new": "is new"}
"""A change as DVC's JSON names it, and as we print it."""


def print_status(console: Console | None = None) -> None:
    """Print the live model, one line per stage, and where scores, MLflow's runs and all files are."""
    out = console or Console(highlight=False, soft_wrap=True)
    with ThreadPoolExecutor(1) as beside:  # DVC takes as long as MLflow
        stages = beside.submit(_stages)
        lines = {"Live": live_model_lines(), "Stages": stages.result(), "Scores": _places()}
    for title, texts in lines.items():
        for number, text in enumerate(texts):
            out.print(f"{'' if number else title:<7} {text}", soft_wrap=True)


def _stages() -> list[str]:
    """Return a line for each stage; where DVC can't tell, the reason, since the other lines are still true."""
    try:
        return list(stage_lines(read_stage_status()))
    except CommandError as error:
        return [str(error)]


def live_model_lines() -> list[str]:
    """Return which version is live by the registry; by the journal where the registry does not answer at once."""
    name, promotion = load_model_name(), load_section("promote", PromoteConfig)
    if not store_exists():  # connecting would make it
        return [_no_live_model(name), *_journal_lines(promotion.journal, name), _model_in_use(promotion)]
    try:
        require_answer()
    except Outage as error:
        return [*_journal_lines(promotion.journal, name), str(error)]
    from components.core.release.registry_consistency import champion_version  # imported here: MLflow takes seconds
    from components.core.tracking import mlflow_runs

    version = champion_version(mlflow_runs.connect(), name, promotion.alias)
    since = live_since(promotion.journal, name, version) if version else ""
    live = f"models:/{name}/{version} (@{promotion.alias}), {since}" if version else _no_live_model(name)
    return [live, *disagreement_lines(), _model_in_use(promotion)]


def _no_live_model(name: str) -> str:
    return f"no version of {name}: `stemline run` trains one"


def _model_in_use(promotion: PromoteConfig) -> str:
    return describe_model_in_use(load_separating_model(), promotion)


def _journal_lines(journal: str, name: str) -> list[str]:
    """Return what the journal alone says about the live version; nothing where it has no entry."""
    try:
        entries = open_journal(journal).entries_of(name)
    except UserError as error:
        return [str(error)]
    if not entries:
        return []
    last = entries[-1]
    live = f"models:/{name}/{last.version}" if last.version else "nothing"
    return [f"by the journal alone: {live}, since {last.time} ({last.kind} by {last.by})"]


def live_since(journal: str, name: str, version: int) -> str:
    """Return what the journal says about `version`: since when it is live, and who made it live."""
    try:
        entries = open_journal(journal).entries_of(name)
    except UserError as error:
        return f"date unknown: {error}"
    if not entries or entries[-1].version != version:
        return "live by the alias alone: the journal has no entry about it"
    return f"live since {entries[-1].time} ({entries[-1].kind} by {entries[-1].by})"


def disagreement_lines() -> list[str]:
    """Return the disagreement of journal and registry with its remedy; nothing if the journal is damaged.

    The damage is already in the line about the live model.
    """
    from components.core.release.registry_consistency import find_disagreement  # imported here: MLflow takes seconds

    try:
        found = find_disagreement()
    except UserError:
        return []
    return [f"{found.problem}: {found.remedy}"] if found else []


def _places() -> list[str]:
    scores = SCORE_TABLE.below(WORKSPACE)
    found = f"{scores}; all on one page: `stemline report`" if scores.is_file() else "none yet"
    return [found, f"trainings and versions: MLflow at {store_address()}", f"files: {WORKSPACE.resolve()}"]


def read_stage_status() -> dict[str, list[str]]:
    """Return the reasons why a stage is stale, for each stale stage; raises CommandError if DVC fails."""
    ended = subprocess.run(dvc_command("status", "--json"), capture_output=True, text=True, check=False)
    if ended.returncode:
        lines = ended.stderr.strip().splitlines()
        if is_busy(lines):
            raise CommandError("unknown while another command of DVC runs in this folder: ask again later")
        raise CommandError(f"`dvc status` failed: {failure_line(lines) or (lines or ['no output'])[-1]}")
    return {stage: _reasons(stage, entries) for stage, entries in json.loads(ended.stdout).items()}


def stage_lines(reasons: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield a line for each stage: fresh, or stale and why, or that it follows a stale one before it."""
    stale: str | None = None
    for stage in STAGES:
        if found := reasons.get(stage):
            stale = stale or stage
            more = f" and {len(found) - _MOST_REASONS} more" if len(found) > _MOST_REASONS else ""
            yield f"{stage}: stale ({', '.join(found[:_MOST_REASONS])}{more})"
        else:
            yield f"{stage}: follows {stale}" if stale else f"{stage}: fresh"


def _reasons(stage: str, entries: list[Any]) -> list[str]:
    changes: dict[str, Any] = {}
    for entry in entries:
        if isinstance(entry, dict):  # changed dependencies, changed outputs
            for files in entry.values():
                changes |= files
    parameters = changes.pop(str(PARAMS), {})
    if parameters == "new":
        return ["it has not run yet"]
    changed = [f"{PARAMS}: {name} changed" for name in _changed_parameters(stage)] if parameters else []
    return [*changed, *(f"{name} {_CHANGES.get(word, word)}" for name, word in changes.items())] or [
        "its command changed"
    ]


def _changed_parameters(stage: str) -> list[str]:
    """Return the names of the stage's parameters that differ from its last run; DVC names only their section."""
    yaml = YAML(typ="safe")
    before: dict[str, Any] = yaml.load(_LOCK)["stages"][stage]["params"][str(PARAMS)]
    now: dict[str, Any] = yaml.load(PARAMS)
    return [name for section, values in before.items() for name in _differences(section, values, now.get(section))]


def _differences(name: str, before: object, now: object) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return [found for key in keys for found in _differences(f"{name}.{key}", before.get(key), now.get(key))]
    return [] if before == now else [name]
