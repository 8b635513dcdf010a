"""`python -m components.promote.history [--at DATE] [--json]`: what was live when, and why."""

import argparse
import json
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.release.journal import Entry, live_at, open_journal
from components.promote.config import PromoteConfig


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(prog="python -m components.promote.history", description=__doc__)
    parser.add_argument("--at", help="a day or a moment, e.g. 2026-11-25 or 2026-11-25T14:30: what was live then")
    parser.add_argument("--json", action="store_true", help="for other programs")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    entries = open_journal(load_section("promote", PromoteConfig).journal).entries()
    if arguments.at:
        entries = _in_force(entries, moment_of(arguments.at))
    if arguments.json:
        print(
            json.dumps([{**entry.values(), "digest": entry.digest} for entry in entries], indent=2, ensure_ascii=False)
        )
    elif not entries:
        print("history: nothing was live" + (f" at {arguments.at}" if arguments.at else " yet"))
    else:
        Console(highlight=False).print(_table(entries))


def _in_force(entries: list[Entry], moment: datetime) -> list[Entry]:
    """Return the entry of each registered model that was in force at a moment."""
    names = dict.fromkeys(entry.name for entry in entries)
    found = [live_at([entry for entry in entries if entry.name == name], moment) for name in names]
    return [entry for entry in found if entry]


def moment_of(text: str) -> datetime:
    """Return the moment that a user wrote: the end of a day, or a time of it; UTC where no zone is given."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--at {text}: write a day or a moment, e.g. 2026-11-25 or 2026-11-25T14:30") from None
    if len(text) == len("2026-11-25"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _table(entries: list[Entry]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("when", "what", "live", "before", "by", "why"):
        table.add_column(column, no_wrap=column in ("when", "what", "live", "before"))
    for entry in entries:
        before = str(entry.before) if entry.before else "–"
        table.add_row(entry.time, entry.kind, f"{entry.name}/{entry.version}", before, entry.by, entry.why)
    return table


if __name__ == "__main__":
    main()
