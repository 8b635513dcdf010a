"""`python -m components.promote.history [--at DATE] [--json]`: which version was live when, and why."""

import json
from datetime import UTC, datetime
from typing import Annotated

from rich.console import Console
from rich.table import Table
from typer import Option

from components.core.base.errors import UserError
from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.release.journal import JournalEntry, entry_at, open_journal
from components.core.release.registry_sections import PromoteConfig

_DAY_LENGTH = len("2026-11-25")


def history(
    at: Annotated[
        str | None, Option(help="A day or a time, e.g. 2026-11-25 or 2026-11-25T14:30: show only what was live then.")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Print the journal: which version went live when, by whom and why."""
    entries = open_journal(load_section("promote", PromoteConfig).journal).entries()
    if at is not None:
        entries = _entries_in_force(entries, parse_time(at))
    if as_json:
        print(
            json.dumps([{**entry.values(), "digest": entry.digest} for entry in entries], indent=2, ensure_ascii=False)
        )
    elif not entries:
        print("history: nothing was live" + (f" at {at}" if at else " yet"))
    else:
        Console(highlight=False).print(_table(entries))


def _entries_in_force(entries: list[JournalEntry], time: datetime) -> list[JournalEntry]:
    """Return, for each registered model, the entry that was in force at `time`."""
    names = dict.fromkeys(entry.name for entry in entries)
    found = [entry_at([entry for entry in entries if entry.name == name], time) for name in names]
    return [entry for entry in found if entry]


def parse_time(text: str) -> datetime:
    """Return the time that a user wrote; a day means its end, and a time without a zone is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(f"--at {text}: write a day or a time, e.g. 2026-11-25 or 2026-11-25T14:30") from None
    if len(text) == _DAY_LENGTH:
        time = time.replace(hour=23, minute=59, second=59)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _table(entries: list[JournalEntry]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("when", "what", "live", "before", "by", "why"):
        table.add_column(column, no_wrap=column in ("when", "what", "live", "before"))
    for entry in entries:
        live = f"{entry.name}/{entry.version or 'none'}"
        table.add_row(entry.time, entry.kind, live, str(entry.before or "none"), entry.by, entry.why)
    return table


if __name__ == "__main__":
    run_step_command(history, "components.promote.history")
