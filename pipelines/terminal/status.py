"""`stemline status`: the live model, which stages are fresh or stale, and where results are."""

from rich.console import Console

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import SCORE_TABLE
from components.core.models.addresses import SHIPPED
from components.core.release.journal import open_journal
from components.core.release.registry_consistency import champion_version, find_disagreement
from components.core.release.sections import PromoteConfig, RegisterConfig
from components.core.tracking import mlflow_runs
from components.core.tracking.mlflow_address import store_exists
from pipelines.processes.command import CommandError
from pipelines.terminal.stage_status import read_stage_status, stage_lines


def print_status(console: Console | None = None) -> None:
    """Print the live model, one line per stage, and where scores, MLflow's runs and all files are."""
    out = console or Console(highlight=False, soft_wrap=True)
    lines = {"Live": _live_model(), "Stages": _stages(), "Scores": _places()}
    for title, texts in lines.items():
        for number, text in enumerate(texts):
            out.print(f"{'' if number else title:<7} {text}", soft_wrap=True)


def _stages() -> list[str]:
    """Return a line for each stage; where DVC can't tell, the reason, since the other lines are still true."""
    try:
        return list(stage_lines(read_stage_status()))
    except CommandError as error:
        return [str(error)]


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
        entries = open_journal(journal).entries_of(name)
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
    return [f"{found.problem}: {found.remedy}"] if found else []


def _places() -> list[str]:
    scores = SCORE_TABLE.below(WORKSPACE)
    found = f"{scores}; all on one page: `stemline report`" if scores.is_file() else "none yet"
    return [found, f"trainings and versions: MLflow at {mlflow_runs.store_address()}", f"files: {WORKSPACE.resolve()}"]
