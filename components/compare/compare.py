"""The work of the step: every system's scores in, one comparison out.

comparison.csv     a row a system: medians, intervals, costs
pairs.csv          a row a pair of systems, target and metric
comparison.md      the same to read, with what others published
comparison.html    with pictures, to sort
pictures/          differences, boxes and speed, a picture a target
summary.json       what was compared, and the best systems
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from components.compare.config import CompareConfig
from components.compare.gathering import gather
from components.compare.page import as_html
from components.compare.pictures import draw
from components.compare.statistics import pairs_of
from components.compare.table import METRICS, as_markdown, best_system, heading, read_facts, summarise
from components.core.files import whole_file, write_json, write_text

SYSTEMS = "systems"
TABLE, PAIRS, MARKDOWN, PAGE, SUMMARY = (
    "comparison.csv",
    "pairs.csv",
    "comparison.md",
    "comparison.html",
    "summary.json",
)
PICTURES = "pictures"


def compare(
    config: CompareConfig, folder: Path, others: Mapping[str, Path], training_seconds: Mapping[str, float]
) -> str:
    """Compare the systems in `folder`/systems and those of `others`; write to `folder`, and return what to print."""
    gathered = gather(folder / SYSTEMS, dict(others))
    scores = gathered.scores
    facts = read_facts(folder / SYSTEMS, training_seconds)
    targets = [str(target) for target in dict.fromkeys(scores["target"])]
    pairs = pd.concat([pairs_of(scores, target, metric, config) for target in targets for metric in METRICS])
    summary = summarise(gathered, facts, config)
    markdown = as_markdown(summary, pairs, gathered, facts, config)
    shutil.rmtree(folder / PICTURES, ignore_errors=True)
    what = heading(gathered, facts).splitlines()[0].split(";")[0]
    pictures = draw(folder / PICTURES, scores, pairs, facts, what)
    for name, table in ((TABLE, summary), (PAIRS, pairs)):
        with whole_file(folder / name) as partial:
            table.to_csv(partial, index=False)
    write_text(folder / MARKDOWN, markdown)
    write_text(folder / PAGE, as_html(markdown, pictures))
    best = {target: best_system(scores, target) for target in targets}
    systems = list(dict.fromkeys(scores["system"]))
    write_json(folder / SUMMARY, {"systems": systems, "targets": targets, "best": best, "test": gathered.test})
    return markdown.split("## Differences", 1)[0]
