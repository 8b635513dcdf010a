"""`python -m components.promote.rollback --why TEXT [--to VERSION]`: makes an earlier version live again.

By itself it goes back only to a version that was live once: the gate, or a person, let it pass then. From the first
version it goes back to the shipped model, which the journal calls version 0. A fresh process fetches the version and
separates with it first, so a version that does not work never goes live.
"""

from typing import Annotated

from typer import Option

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.models.addresses import SHIPPED
from components.core.models.smoke_test import run_smoke_test
from components.core.release.journal import JournalEntry
from components.core.release.registry_sections import PromoteConfig, load_model_name
from components.promote.journal_and_aliases import LiveModel, open_live_model


def roll_back(config: PromoteConfig, name: str, why: str, to: int | None = None, ungated: bool = False) -> JournalEntry:
    """Make version `to`, or else the version before the live one, live; return the journal's entry.

    Version 0 is the shipped model. `ungated` allows a version that was never live. Raises UserError when there is no
    such version, when it is live already, or when it does not work.
    """
    if not why.strip():
        raise UserError("rollback: the journal needs a reason: --why 'vocals hiss on mono recordings'")
    model = open_live_model(config, name)
    live = model.settle()
    target = to if to is not None else _version_before(model, live)
    if target == live:
        state = f"version {live} of {name} is live already" if live else f"no version of {name} is live"
        raise UserError(f"{state}: name another version with --to")
    if target and not ungated and target not in {entry.version for entry in model.entries()}:
        raise UserError(
            f"version {target} of {name} was never live: the gate refused it, or has not judged it; `stemline history` "
            "lists the versions that were live, and --ungated makes this one live all the same"
        )
    return model.make_live("rollback", target, why.strip(), _try_version(model, target), live)


def _try_version(model: LiveModel, version: int) -> dict[str, object]:
    """Separate with the version in a fresh process; return its digest, run and trial as evidence."""
    if not version:
        shipped = run_smoke_test(str(SHIPPED.resolve()))
        return {"sha256": shipped.sha256, "smoke": shipped.model_dump(mode="json")}
    trial = run_smoke_test(f"models:/{model.name}/{version}")
    registered = model.client.get_model_version(model.name, str(version))
    if registered.tags.get("sha256", trial.sha256) != trial.sha256:
        raise UserError(
            f"models:/{model.name}/{version} holds weights that differ from the registered ones (checksum): "
            "name another version with --to"
        )
    return {"sha256": trial.sha256, "run": registered.run_id, "smoke": trial.model_dump(mode="json")}


def _version_before(model: LiveModel, live: int) -> int:
    """Return the version that was live when the live one was promoted or adopted; 0 for the shipped model."""
    arrivals = [entry for entry in model.entries() if entry.version == live and entry.kind != "rollback"]
    if not live or not arrivals or (arrivals[-1].kind == "adoption" and not arrivals[-1].before):
        raise UserError(f"{model.name} has no version before the live one to go back to: name one with --to VERSION")
    return arrivals[-1].before


def rollback(
    why: Annotated[str, Option(help="The reason, for the journal.")],
    to: Annotated[int | None, Option(help="A version; 0: the shipped model [default: the one live before]")] = None,
    ungated: Annotated[bool, Option("--ungated", help="Allow a version that was never live.")] = False,
    name: Annotated[str | None, Option(help="A registered model [default: that of params.yaml].")] = None,
) -> None:
    """Make the version that was live before, or another one, live again."""
    config, name = load_section("promote", PromoteConfig), name or load_model_name()
    entry = roll_back(config, name, why, to, ungated)
    now = (
        f"version {entry.version} of {name} is @{config.alias} again"
        if entry.version
        else f"no version of {name} is live"
    )
    before = f"version {entry.before}" if entry.before else "no version"
    print(f"rollback: {now}; before, {before} was live")


if __name__ == "__main__":
    run_step_command(rollback, "components.promote.rollback")
