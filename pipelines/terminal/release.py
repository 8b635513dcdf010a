"""The verbs about the live model: `status`, `history`, `promote`, `rollback` and `repair`."""

from typing import Annotated

import typer

from pipelines.terminal.module_launch import run_module, to_arguments

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


def status() -> None:
    """Say in ten lines what is true now: the live model, which stages are fresh or stale, and where results are.

    The past is in `history`, all results in `report`; `doctor` checks the set-up.
    """
    from pipelines.terminal.status import print_status

    print_status()


def history(
    at: Annotated[str | None, typer.Option(help="A day or a time, e.g. 2026-11-25: what was live then.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the journal of promotions: which model was live when, who changed it, and why."""
    run_module("components.promote.history", *to_arguments({"--at": at, "--json": as_json}))


def promote() -> None:
    """Make the version that the gate judged last here the live one, if it passed; `stemline run` does this itself."""
    run_module("components.promote")


def rollback(
    why: Annotated[str, typer.Option(help="The reason, for the journal.")],
    to: Annotated[int | None, typer.Option(min=1, help="An earlier version; left out: the one before.")] = None,
    ungated: Annotated[bool, typer.Option("--ungated", help="Allow a version that was never live.")] = False,
) -> None:
    """Make the previous model live again, after it has separated a little in a fresh process."""
    run_module("components.promote.rollback", *to_arguments({"--why": why, "--to": to, "--ungated": ungated}))


def repair(
    adopt: Annotated[
        bool, typer.Option("--adopt", help="Take the registry's word where it contradicts the journal.")
    ] = False,
) -> None:
    """Finish a promotion that was killed, so that the journal and the registry agree again."""
    run_module("components.promote.repair", *to_arguments({"--adopt": adopt}))
