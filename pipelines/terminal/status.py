"""What is live, and what is stale."""

import sys

from rich.console import Console

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.workspace import WORKSPACE
from components.core.models.addresses import SHIPPED
from components.core.release.journal import open_journal
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.register.config import RegisterConfig
from pipelines.judging.champion import live_version
from pipelines.judging.registry_repair import disagreement_in
from pipelines.running.command import run_command
from pipelines.running.place import HERE


def print_status(console: Console | None = None) -> None:
    """Print the champion, the stages that DVC would run, and the stores."""
    out = console or Console(highlight=False)
    name, promotion = load_section("register", RegisterConfig).name, load_section("promote", PromoteConfig)
    alias = promotion.alias
    version = live_version(name, alias)
    if version is None:
        out.print(f"Champion  none yet: `stemline run` trains one (models:/{name}@{alias})")
        out.print(f"          until then `stemline separate` takes the shipped model, {SHIPPED}", soft_wrap=True)
    else:
        found = mlflow_runs.connect().get_model_version(name, str(version))
        out.print(f"Champion  models:/{name}/{version}, {live_since(promotion.journal, name, version)}", soft_wrap=True)
        out.print(f"          run {found.run_id}, commit {found.tags.get('git_commit', 'unknown')}")
    for line in not_agreed():
        out.print(f"          {line}", soft_wrap=True)
    out.print("Stages    ", end="")
    lines = run_command([sys.executable, "-m", "dvc", "status"], lambda line: None)
    out.print("\n          ".join(lines))
    out.print(f"MLflow    {mlflow_runs.store_address()}\nWorkspace {WORKSPACE.resolve()}", soft_wrap=True)


def live_since(journal: str, name: str, version: int) -> str:
    """Return since when the journal has had `version` as the live one, or what it says instead."""
    try:
        entries = open_journal(journal).of(name)
    except UserError as error:
        return f"since when is not known: {error}"
    if not entries or entries[-1].version != version:
        return "by the alias alone"
    return f"live since {entries[-1].time} ({entries[-1].kind})"


def not_agreed() -> list[str]:
    """Return what the journal and the registry do not agree on, and what to do; nothing where the journal is damaged.

    That is said already of since when the version is live.
    """
    try:
        found = disagreement_in(HERE)
    except UserError:
        return []
    return [f"{found.seen}: {found.do}"] if found else []
