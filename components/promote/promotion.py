"""The promotion of a version that passed the gate."""

from typing import Any

from components.core.base.errors import UserError
from components.core.release.journal import JournalEntry
from components.core.release.registry_sections import PromoteConfig
from components.core.release.verdict import Approval, Verdict
from components.promote.journal_and_aliases import open_live_model


def promote(config: PromoteConfig, verdict: Verdict, approval: Approval | None = None) -> JournalEntry | None:
    """Make the judged version the champion; return the journal's entry, with the approval in it.

    Returns None when the gate refused the version, or when it is the champion already.
    Raises UserError when another version than the verdict's champion is live by now, or when a rollback took the
    version back: then train another one, or use `rollback --to`.
    """
    if not verdict.passed:
        return None
    model = open_live_model(config, verdict.name)
    live = model.settle()
    if live == verdict.version:
        return None
    if live != verdict.champion:
        now = f"version {live} is live now" if live else "no version is live now"
        raise UserError(
            f"version {verdict.version} of {verdict.name} was judged by the rule '{verdict.rule}', and {now}: judge it "
            "again with `stemline retrain` (or `stemline run`)"
        )
    rollback = _find_rollback(model.entries(), verdict)
    if rollback:
        raise UserError(
            f"version {verdict.version} of {verdict.name} was taken back on {rollback.time} "
            f"({rollback.why}): train another, or run `stemline rollback --to {verdict.version} --why …`"
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
    return model.make_live("promotion", verdict.version, why, evidence, live)


def _find_rollback(entries: list[JournalEntry], verdict: Verdict) -> JournalEntry | None:
    """Return the rollback that took the version back, unless the version went live again after it.

    A new registry counts from 1 again: a version with the same number and other weights is another one.
    """
    weights = {entry.evidence.get("sha256", verdict.sha256) for entry in entries if entry.version == verdict.version}
    if verdict.sha256 not in weights:
        return None
    for entry in reversed(entries):
        if entry.version == verdict.version:
            return None
        if entry.kind == "rollback" and entry.before == verdict.version:
            return entry
    return None
