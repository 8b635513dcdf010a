"""The comparison to read, as Markdown: what was measured on what, and the tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from components.compare.comparison import Comparison
from components.compare.presentation.markdown_tables import (
    costs_table,
    counted,
    marked,
    pairs_table,
    quoted,
    target_table,
    verdict,
)
from components.compare.systems.description import Facts
from components.core.data.dataset_labels import label_datasets

_NAMED = 3  # of files that fit no track
_DIGITS = 12  # of a commit

_OUR_WAY = (
    "What was not trained here runs in our separator, where segments overlap by half and stems add up to the mixture: "
    "its rows are not what its authors' own programs give."
)


def as_markdown(comparison: Comparison) -> str:
    """Return the comparison as a page of Markdown."""
    parts = [f"# Comparison\n\n{_heading(comparison)}"]
    for target in comparison.targets:
        table = target_table(comparison, target)
        about = [*marked(comparison, target), verdict(comparison.gathered.comparable, target)]
        parts.append("\n\n".join([f"## {target.capitalize()}", table, *about]))
    parts.append(f"## What they cost\n\n{costs_table(comparison)}")
    parts += [f"## Differences: {target} SDR\n\n{pairs_table(comparison, target)}" for target in comparison.targets]
    parts.append(f"## Published by others, quoted\n\n{quoted()}")
    return "\n\n".join(parts) + "\n"


def material(test: Mapping[str, Any]) -> str:
    """Say in a few words what was scored: how many tracks of which data sets."""
    datasets = label_datasets(test.get("datasets", []))
    return f"{counted(len(test['tracks']), 'test track')} of {datasets}"


def _heading(comparison: Comparison) -> str:
    """Say what was measured, on what, by what, where and when."""
    test = comparison.gathered.test
    paragraphs = [
        f"Measured: {material(test)}; {test['scorer']}, median over frames of {test['window_seconds']:g} s, then over "
        "tracks, in dB.",
        f"Speed, memory: {_machines(comparison.facts.values())}. Compared on {comparison.day.isoformat()} "
        f"by commit {comparison.commit[:_DIGITS]}; every row's MLflow run stands in comparison.csv.",
    ]
    paragraphs += _recipes(comparison.facts)
    if pretrained := [f"{name}: {facts.origin}" for name, facts in comparison.facts.items() if facts.origin]:
        paragraphs.append(f"Not trained here, and on data that may hold the test tracks: {'. '.join(pretrained)}.")
        paragraphs.append(_OUR_WAY)
    others = {name: found.scores for name, found in comparison.facts.items() if found.scores}
    paragraphs += [f"Not measured here: {name}, {scores}." for name, scores in others.items()]
    for name, files in comparison.gathered.unmatched.items():
        shown = ", ".join(files[:_NAMED]) + (" …" if len(files) > _NAMED else "")
        are = "is" if len(files) == 1 else "are"
        paragraphs.append(f"{name}: {counted(len(files), 'file')} {are} about other tracks ({shown}).")
    paragraphs += [f"Left out, scores of {name}: {reason}." for name, reason in comparison.gathered.failed.items()]
    if missed := [target for target in comparison.targets if comparison.misses_reference(target)]:
        paragraphs.append(
            f"compare.reference, {comparison.config.reference}, has no scores of {', '.join(missed)} to compare with: "
            "pictures of differences compare with the best there."
        )
    return "\n\n".join(paragraphs)


def _machines(facts: Iterable[Facts]) -> str:
    """Say on what was measured; the speed on one core may come from an earlier scoring, elsewhere."""
    found = list(facts)
    now = {str(known.costs["machine"]) for known in found if "machine" in known.costs}
    scored = {known.one_core_machine for known in found if known.one_core_machine}
    scored = {machine for machine in scored if not any(one.startswith(machine) for one in now)}
    elsewhere = [f"on one core, when it was scored: {', '.join(sorted(scored))}"] if scored else []
    return "; ".join([*sorted(now), *elsewhere]) or "not measured"


def _recipes(facts: Mapping[str, Facts]) -> list[str]:
    """Say how much each training saw: in one sentence where all saw the same."""
    seen: dict[str, list[str]] = {}
    for found in facts.values():
        if found.recipe:
            seen.setdefault(found.recipe, []).append(found.title)
    if len(seen) == 1:
        return [f"Trained here, each for {next(iter(seen))}, the same crops for systems of the same stems."]
    return [f"Trained here for {recipe}: {', '.join(titles)}." for recipe, titles in seen.items()]
