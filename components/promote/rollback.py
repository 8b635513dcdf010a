"""`python -m components.promote.rollback --why TEXT [--to VERSION]`: back to the version that was live before.

Only to what was live once: the gate, or a person, had let it pass then. The version is tried first, in a fresh process
that fetches it as production does: what does not work is not made live.
"""

import argparse

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.models.smoke_test import run_smoke_test
from components.core.release.journal import Entry, open_journal
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig, RegisteredName
from components.promote.live import change, settled


def rollback(config: PromoteConfig, name: str, to: int | None, why: str, ungated: bool = False) -> Entry:
    """Make the version before the live one, or version `to`, live again; raises UserError where that cannot be.

    `ungated` lets it be a version that never was live.
    """
    if not why.strip():
        raise UserError("rollback: say why: --why 'vocals hiss on mono recordings'")
    client = mlflow_runs.connect()
    journal = open_journal(config.journal)
    live = settled(client, config, name, journal)
    entries = journal.of(name)
    target = to if to is not None else _before(entries, name, live)
    if target == live:
        raise UserError(f"version {target} of {name} is the live one already")
    if not ungated and target not in {entry.version for entry in entries}:
        raise UserError(
            f"version {target} of {name} was never live: the gate refused it, or has not judged it; `stemline history` "
            "says which were, and --ungated makes it live all the same"
        )
    seen = run_smoke_test(f"models:/{name}/{target}")
    version = client.get_model_version(name, str(target))
    if version.tags.get("sha256", seen.sha256) != seen.sha256:
        raise UserError(
            f"models:/{name}/{target} holds other weights than were registered (checksum): name another with --to"
        )
    evidence = {"sha256": seen.sha256, "run": version.run_id, "smoke": seen.model_dump(mode="json")}
    return change(client, config, journal, "rollback", name, target, why.strip(), evidence, live)


def _before(entries: list[Entry], name: str, live: int) -> int:
    """Return the version that was live before the live one came, rolled back or not."""
    came = [entry for entry in entries if entry.version == live and entry.kind != "rollback"]
    if not live or not came or not came[-1].before:
        raise UserError(f"{name} has no version before the live one to go back to: name one with --to VERSION")
    return came[-1].before


def main() -> None:
    """Parse the command line and go back."""
    parser = argparse.ArgumentParser(prog="python -m components.promote.rollback", description=__doc__)
    parser.add_argument("--to", type=int, help="a version, in place of the one that was live before")
    parser.add_argument("--why", required=True, help="for the journal")
    parser.add_argument("--ungated", action="store_true", help="also a version that never was live")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    config, name = load_section("promote", PromoteConfig), load_section("register", RegisteredName).name
    entry = rollback(config, name, arguments.to, arguments.why, arguments.ungated)
    print(f"rollback: version {entry.version} of {name} is @{config.alias} again, in place of {entry.before}")


if __name__ == "__main__":
    main()
