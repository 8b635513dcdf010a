"""What is live, and what is stale."""

import sys

from rich.console import Console

from components.core import tracking
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
    name, alias = load_section("register", RegisterConfig).name, load_section("promote", PromoteConfig).alias
    version = live_version(name, alias)
    if version is None:
        out.print(f"Champion  none yet: `stemline run` trains one (models:/{name}@{alias})")
        out.print(f"          until then `stemline separate` takes the shipped model, {SHIPPED}", soft_wrap=True)
    else:
        found = tracking.connect().get_model_version(name, str(version))
        out.print(f"Champion  models:/{name}/{version}, promoted {found.tags.get('promoted_at', 'by hand')}")
        out.print(f"          run {found.run_id}, commit {found.tags.get('git_commit', 'unknown')}")
    out.print("Stages    ", end="")
    lines = run_command([sys.executable, "-m", "dvc", "status"], lambda line: None)
    out.print("\n          ".join(lines))
    out.print(f"MLflow    {tracking.address()}\nWorkspace {WORKSPACE.resolve()}", soft_wrap=True)
