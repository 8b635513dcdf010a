"""The page comparison.md: how the systems were measured, and the tables."""

from collections.abc import Iterable, Mapping

from components.compare.comparison_results import Comparison
from components.compare.presentation.markdown_tables import (
    costs_table,
    count_text,
    friedman_text,
    lost_frames_text,
    other_stems_note,
    pairs_table,
    published_table,
    target_table,
)
from components.compare.systems.records import SystemRecord

_FILES_SHOWN = 3
_COMMIT_DIGITS = 12

_OUR_SEPARATOR = (
    "Models that were not trained here run in our separator, where segments overlap by a quarter and stems add up to "
    "the mixture. Their authors' own programs give other scores."
)


def render_markdown(comparison: Comparison) -> str:
    """Return the comparison as a page of Markdown."""
    parts = [f"# Comparison\n\n{_heading(comparison)}"]
    for target in comparison.targets:
        table = target_table(comparison, target)
        notes = [*other_stems_note(comparison, target), friedman_text(comparison.gathered.comparable, target)]
        parts.append("\n\n".join([f"## {target.capitalize()}", table, *notes]))
    parts.append(f"## Costs\n\n{costs_table(comparison)}")
    for target in comparison.targets:
        tables = [pairs_table(comparison, target), *lost_frames_text(comparison, target)]
        parts.append("\n\n".join([f"## Differences: {target} SDR", *tables]))
    parts.append(f"## Scores that others published\n\n{published_table()}")
    return "\n\n".join(parts) + "\n"


def _heading(comparison: Comparison) -> str:
    """Return the test set, scorer, machines, day, commit and recipes of the comparison."""
    evaluation = comparison.gathered.evaluation
    paragraphs = [
        f"Measured: {evaluation.test_set}; {evaluation.scorer}, median over frames of "
        f"{evaluation.window_seconds:g} s, then over tracks, in dB.",
        f"Speed, memory: {_machines(comparison.records.values())}. Compared on {comparison.day.isoformat()} "
        f"by commit {comparison.commit[:_COMMIT_DIGITS]}; comparison.csv names the MLflow run of each row.",
    ]
    paragraphs += _recipes(comparison.records)
    if pretrained := [f"{name}: {record.origin}" for name, record in comparison.records.items() if record.origin]:
        paragraphs.append(f"Not trained here, and perhaps trained on some of the test tracks: {'. '.join(pretrained)}.")
        paragraphs.append(_OUR_SEPARATOR)
    others = [(name, record.scores) for name, record in comparison.records.items() if record.scores]
    paragraphs += [f"Not measured here: {name}, {scores}." for name, scores in others]
    for name, files in comparison.gathered.unmatched.items():
        shown = ", ".join(files[:_FILES_SHOWN]) + (" …" if len(files) > _FILES_SHOWN else "")
        are = "is" if len(files) == 1 else "are"
        paragraphs.append(f"{name}: {count_text(len(files), 'file')} {are} about other tracks ({shown}).")
    paragraphs += [f"Left out, scores of {name}: {reason}." for name, reason in comparison.gathered.failed.items()]
    if missed := [target for target in comparison.targets if comparison.misses_reference(target)]:
        paragraphs.append(
            f"The system of compare.reference, {comparison.config.reference}, has no scores of {', '.join(missed)}: "
            "there the pictures of differences compare with the best system."
        )
    return "\n\n".join(paragraphs)


def _machines(records: Iterable[SystemRecord]) -> str:
    """Return the machines that costs were measured on.

    The speed on one core may come from another machine: DVC keeps results of earlier evaluations.
    """
    found = list(records)
    now = {record.costs.machine for record in found if record.costs}
    scored = {record.one_core_machine for record in found if record.one_core_machine}
    scored = {machine for machine in scored if not any(other.startswith(machine) for other in now)}
    elsewhere = [f"on one core, when it was scored: {', '.join(sorted(scored))}"] if scored else []
    return "; ".join([*sorted(now), *elsewhere]) or "not measured"


def _recipes(records: Mapping[str, SystemRecord]) -> list[str]:
    """Return sentences about the amount of training; one sentence when it is the same for all systems."""
    titles: dict[str, list[str]] = {}
    for record in records.values():
        if record.recipe:
            titles.setdefault(record.recipe, []).append(record.title)
    if len(titles) == 1:
        return [f"Trained here, each for {next(iter(titles))}, the same crops for systems of the same stems."]
    return [f"Trained here for {recipe}: {', '.join(names)}." for recipe, names in titles.items()]
