"""`stemline status`: the live model, which stages are fresh or stale, and where results are."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from components.core.base.errors import UserError
from components.core.base.params import PARAMS, load_section
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import SCORE_TABLE
from components.core.models.addresses import SHIPPED
from components.core.release.champion import champion_version
from components.core.release.journal import open_journal
from components.core.release.sections import PromoteConfig, RegisterConfig
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_store import store_exists
from pipelines.judging.registry_state import find_disagreement
from pipelines.processes.command import CommandError
from pipelines.processes.dvc import STAGES, dvc_command

_MOST_REASONS = 3
_CHANGES = {"modified": "changed", "deleted": "is missing", "new": "is new"}
"""DVC's word for a change, and ours."""


def print_status(console: Console | None = None) -> None:
    """Print the live model, one line a stage, and where scores, MLflow's runs and all files are."""
    out = console or Console(highlight=False, soft_wrap=True)
    lines = {"Live": _live_model(), "Stages": list(stage_lines(_dvc_status())), "Scores": _places()}
    for title, texts in lines.items():
        for number, text in enumerate(texts):
            out.print(f"{'' if number else title:<7} {text}", soft_wrap=True)


def _live_model() -> list[str]:
    name, promotion = load_section("register", RegisterConfig).name, load_section("promote", PromoteConfig)
    # connecting would make the store
    version = champion_version(mlflow_runs.connect(), name, promotion.alias) if store_exists() else None
    if version is None:
        lines = [f"none yet: `stemline run` trains one. `stemline separate` takes the shipped one, {SHIPPED}"]
    else:
        since = live_since(promotion.journal, name, version)
        lines = [f"models:/{name}/{version} (@{promotion.alias}), {since}"]
    return [*lines, *disagreement_lines()]


def live_since(journal: str, name: str, version: int) -> str:
    """Return since when, how and by whom `version` is live, as the journal says; or why the journal does not say."""
    try:
        entries = open_journal(journal).of(name)
    except UserError as error:
        return f"since when is not known: {error}"
    if not entries or entries[-1].version != version:
        return "by the alias alone: the journal does not have it"
    return f"live since {entries[-1].time} ({entries[-1].kind} by {entries[-1].by})"


def disagreement_lines() -> list[str]:
    """Return where journal and registry differ, and what to do; nothing if the journal is damaged.

    The damage is already in the line about the live model.
    """
    try:
        found = find_disagreement()
    except UserError:
        return []
    return [f"{found.seen}: {found.do}"] if found else []


def _dvc_status() -> dict[str, Any]:
    """Return what `dvc status --json` says: for each stale stage a list of reasons."""
    ended = subprocess.run(dvc_command("status", "--json"), capture_output=True, text=True, check=False)
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["no output"])[-1]
        raise CommandError(f"`dvc status` failed: {reason.removeprefix('ERROR: ')}")
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def stage_lines(status: Mapping[str, list[Any]]) -> Iterator[str]:
    """Yield a line for each stage: fresh; stale and why; or in question, since a stage before it is stale."""
    stale: str | None = None
    for stage in STAGES:
        if stage in status:
            reasons = _stale_reasons(status[stage])
            more = f" and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
            stale = stale or stage
            yield f"{stage}: stale ({', '.join(reasons[:_MOST_REASONS])}{more})"
        elif stale:
            yield f"{stage}: follows {stale}"
        else:
            yield f"{stage}: fresh"


def _stale_reasons(entries: list[Any]) -> list[str]:
    """Return DVC's entries about a stage as short texts, e.g. `params.yaml: train.steps changed`."""
    dependencies: dict[str, Any] = next((found["changed deps"] for found in entries if "changed deps" in found), {})
    outputs: dict[str, str] = next((found["changed outs"] for found in entries if "changed outs" in found), {})
    if dependencies.get(str(PARAMS)) == "new":
        return ["it has not run yet"]
    reasons = [text for name, change in dependencies.items() for text in _changes(name, change)]
    reasons += [text for name, change in outputs.items() for text in _changes(name, change)]
    return reasons or ["its command changed"]


def _changes(name: str, change: str | dict[str, str]) -> list[str]:
    if isinstance(change, dict):  # parameters of a file
        return [f"{name}: {parameter} {_CHANGES.get(word, word)}" for parameter, word in change.items()]
    return [f"{name} {_CHANGES.get(change, change)}"]


def _places() -> list[str]:
    scores = SCORE_TABLE.below(WORKSPACE)
    found = f"{scores}; all on one page: `stemline report`" if scores.is_file() else "none yet"
    return [found, f"trainings and versions: MLflow at {mlflow_runs.store_address()}", f"files: {WORKSPACE.resolve()}"]
