"""A version that passed the gate becomes the champion: written to the journal, then the aliases move."""

from typing import Any

from components.core.base.errors import UserError
from components.core.release.approval import Approval
from components.core.release.journal import Entry, open_journal
from components.core.release.verdict import Verdict
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig
from components.promote.live import change, settled


def promote(config: PromoteConfig, verdict: Verdict, approval: Approval | None = None) -> Entry | None:
    """Make the judged version the champion if it passed; None where it was refused, or is the champion already.

    What a person said to it, where one was asked, is written down as well.
    Raises UserError when the verdict is about another champion than the one that is live now, or when the version was
    taken back before: a new one has to be trained, or `rollback --to` it by hand.
    """
    client = mlflow_runs.connect()
    if not verdict.passed:
        return None
    journal = open_journal(config.journal)
    live = settled(client, config, verdict.name, journal)
    if live == verdict.version:
        return None
    if live != verdict.champion:
        judged = f"against version {verdict.champion}" if verdict.champion else "as the first champion"
        raise UserError(
            f"version {verdict.version} of {verdict.name} was judged {judged}, and version {live} is live now: judge "
            "it again with `stemline retrain` (or `stemline run`)"
        )
    taken_back = _taken_back(journal.of(verdict.name), verdict.version)
    if taken_back:
        raise UserError(
            f"version {verdict.version} of {verdict.name} was taken back on {taken_back.time} "
            f"({taken_back.why}): train another, or `stemline rollback --to {verdict.version} --why …`"
        )
    evidence: dict[str, Any] = {
        "verdict": verdict.digest,
        "test": verdict.test_digest,
        "sha256": verdict.sha256,
        "run": verdict.run_id,
    }
    why = f"{verdict.rule}: {'; '.join(verdict.reasons)}"
    if approval:
        evidence |= {"approved_by": approval.by, "approved_why": approval.why, "listening": approval.listening}
        why = f"{why}; approved by {approval.by}: {approval.why}"
    return change(client, config, journal, "promotion", verdict.name, verdict.version, why, evidence, live)


def _taken_back(entries: list[Entry], version: int) -> Entry | None:
    """Return the entry that took the version back, unless it was made live by hand after that."""
    for entry in reversed(entries):
        if entry.version == version:
            return None
        if entry.kind == "rollback" and entry.before == version:
            return entry
    return None
