"""Which DVC stages are fresh or stale, and why: from `dvc status --json`, dvc.lock and params.yaml."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from components.core.base.params import PARAMS
from pipelines.processes.command import CommandError
from pipelines.processes.dvc import STAGES, dvc_command, failure_line, is_busy

_LOCK = Path("dvc.lock")
_MOST_REASONS = 3
_CHANGES = {"modified": "changed", "deleted": "is missing", "new": "is new"}
"""A change as DVC's JSON names it, and as we print it."""


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
