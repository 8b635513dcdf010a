"""The work of the step: every system's scores in, one comparison out.

comparison.csv     a row a system: medians, intervals, costs
pairs.csv          a row a pair of systems, target and metric
comparison.md      the same to read, with what others published
comparison.html    with pictures, to sort
pictures/          differences, boxes and speed, a picture a target
summary.json       what was compared, the best systems, and Friedman's tests
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from components.compare.comparison import Comparison
from components.compare.config import CompareConfig
from components.compare.presentation.html_page import as_html
from components.compare.presentation.markdown_page import as_markdown
from components.compare.presentation.pictures import draw
from components.compare.scores.gathered_scores import gather
from components.compare.scores.statistics import friedman, pairs_of
from components.compare.systems.description import facts_of_others, read_facts
from components.compare.systems_table import best_system, summarise
from components.core.base.files import whole_file, write_json, write_text
from components.core.data.metric_names import METRICS

SYSTEMS = "systems"
TABLE, PAIRS, MARKDOWN, PAGE, SUMMARY = (
    "comparison.csv",
    "pairs.csv",
    "comparison.md",
    "comparison.html",
    "summary.json",
)
PICTURES = "pictures"
PLAN = "plan.json"
"""What the flow has had made, where it is the flow that compares: each system's parameters."""


def compare(
    config: CompareConfig,
    folder: Path,
    others: Mapping[str, Path],
    training_seconds: Mapping[str, float],
    day: date,
    commit: str,
) -> str:
    """Compare the systems in `folder`/systems and those of `others`; write to `folder`, and return what to print.

    `training_seconds` has what is known, by system; `day` and the code's `commit` are written above the tables.
    """
    gathered = gather(folder / SYSTEMS, others)
    scores = gathered.scores
    read = {name: place for name, place in others.items() if name not in gathered.failed}
    facts = read_facts(folder / SYSTEMS, training_seconds) | facts_of_others(read)
    targets = [str(target) for target in dict.fromkeys(scores["target"])]
    pairs = pd.concat([pairs_of(scores, target, metric, config) for target in targets for metric in METRICS])
    comparison = Comparison(gathered, summarise(scores, facts, config), pairs, facts, config, day, commit)
    pictures = draw(folder / PICTURES, comparison)
    markdown = as_markdown(comparison)
    for name, table in ((TABLE, comparison.summary), (PAIRS, pairs)):
        with whole_file(folder / name) as partial:
            table.to_csv(partial, index=False)
    write_text(folder / MARKDOWN, markdown)
    write_text(folder / PAGE, as_html(markdown, pictures))
    write_json(folder / SUMMARY, _short(comparison))
    return markdown.split("## Differences", 1)[0]


def _short(comparison: Comparison) -> dict[str, object]:
    scores, comparable = comparison.gathered.scores, comparison.gathered.comparable
    tests = {target: friedman(comparable, target, "SDR") for target in comparison.targets}
    return {
        "systems": list(dict.fromkeys(scores["system"])),
        "targets": comparison.targets,
        "best": {target: best_system(comparable, target) for target in comparison.targets},
        "friedman": {target: {"p": _known(p), "tracks": tracks} for target, (p, tracks) in tests.items()},
        "pretrained": sorted(name for name, facts in comparison.facts.items() if facts.origin),
        "others": {name: facts.scores for name, facts in comparison.facts.items() if facts.scores},
        "runs": {name: facts.run for name, facts in comparison.facts.items() if facts.run},
        "commit": comparison.commit,
        "unmatched": comparison.gathered.unmatched,
        "failed": comparison.gathered.failed,
        "day": comparison.day.isoformat(),
        "test": comparison.gathered.test,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value  # JSON has no NaN
