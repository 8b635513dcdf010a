"""What is live, and what is stale."""

import sys

from rich.console import Console

from components.core import tracking
from components.core.errors import UserError
from components.core.journal import open_journal
from components.core.model_store import SHIPPED
from components.core.params import load_section
from components.core.workspace import WORKSPACE
from components.promote.config import PromoteConfig
from components.register.config import RegisterConfig
from pipelines.champion import live_version
from pipelines.command import run_command


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
        found = tracking.connect().get_model_version(name, str(version))
        out.print(f"Champion  models:/{name}/{version}, {live_since(promotion.journal, name, version)}", soft_wrap=True)
        out.print(f"          run {found.run_id}, commit {found.tags.get('git_commit', 'unknown')}")
    out.print("Stages    ", end="")
    lines = run_command([sys.executable, "-m", "dvc", "status"], lambda line: None)
    out.print("\n          ".join(lines))
    out.print(f"MLflow    {tracking.address()}\nWorkspace {WORKSPACE.resolve()}", soft_wrap=True)


def live_since(journal: str, name: str, version: int) -> str:
    """Return since when the journal has had `version` as the live one, or what it says instead."""
    try:
        entries = open_journal(journal).of(name)
    except UserError as error:
        return f"since when is not known: {error}"
    if not entries or entries[-1].version != version:
        return "made live by hand: `stemline repair` writes it into the journal"
    return f"live since {entries[-1].time} ({entries[-1].kind})"
