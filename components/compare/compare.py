"""Compare all systems: scores in, tables, a page and pictures out.

comparison.csv     one row per system: medians, intervals, costs
pairs.csv          one row per pair of systems, target and metric
comparison.md      the comparison as text, with published scores of other systems
comparison.html    the same with pictures; its tables can be sorted
pictures/          differences, boxes and speed, one picture per target
summary.json       `ComparisonSummary`
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from components.compare.comparison_results import Comparison, systems_table
from components.compare.config import CompareConfig
from components.compare.presentation.html_page import render_html
from components.compare.presentation.markdown_page import render_markdown
from components.compare.presentation.pictures import draw_pictures
from components.compare.scores.gathered_scores import gather_scores
from components.compare.scores.statistics import compare_pairs, friedman
from components.compare.systems.records import read_records, records_of_others
from components.core.base.files import whole_file, write_text
from components.core.data import artifacts
from components.core.data.comparison_documents import ComparisonSummary, Friedman
from components.core.data.score_tables import METRICS, SYSTEM


def compare(
    config: CompareConfig,
    folder: Path,
    others: Mapping[str, Path],
    training_seconds: Mapping[str, float],
    day: date,
    commit: str,
) -> str:
    """Compare the systems in `folder`/systems and those of `others`; write to `folder`; return the text to print.

    `training_seconds` has the systems whose training time is known. `day` and `commit` appear above the tables.
    """
    systems = artifacts.COMPARED_SYSTEMS.within(folder)
    gathered = gather_scores(systems, others)
    used = {name: place for name, place in others.items() if name not in gathered.failed}
    records = read_records(systems, training_seconds) | records_of_others(used)
    pairs = pd.concat(
        compare_pairs(gathered.scores, target, metric, config) for target in gathered.targets for metric in METRICS
    )
    summary = systems_table(gathered.scores, records, config)
    comparison = Comparison(gathered, summary, pairs, records, config, day, commit)
    pictures = draw_pictures(artifacts.COMPARISON_PICTURES.within(folder), comparison)
    markdown = render_markdown(comparison)
    for artifact, table in ((artifacts.COMPARISON, summary), (artifacts.PAIRS, pairs)):
        with whole_file(artifact.within(folder)) as partial:
            table.to_csv(partial, index=False)
    write_text(artifacts.COMPARISON_TEXT.within(folder), markdown)
    write_text(artifacts.COMPARISON_PAGE.within(folder), render_html(markdown, pictures))
    _summarise(comparison).write(folder)
    return markdown.split("## Differences", 1)[0]


def _summarise(comparison: Comparison) -> ComparisonSummary:
    gathered, records = comparison.gathered, comparison.records
    return ComparisonSummary(
        systems=tuple(dict.fromkeys(gathered.scores[SYSTEM])),
        targets=tuple(comparison.targets),
        best={target: comparison.best_system(target) for target in comparison.targets},
        friedman={target: _friedman(gathered.comparable, target) for target in comparison.targets},
        pretrained=tuple(sorted(name for name, record in records.items() if record.origin)),
        others={name: record.scores for name, record in records.items() if record.scores},
        runs={name: record.run for name, record in records.items() if record.run},
        commit=comparison.commit,
        unmatched={name: tuple(files) for name, files in gathered.unmatched.items()},
        failed=gathered.failed,
        day=comparison.day.isoformat(),
        test=gathered.evaluation,
    )


def _friedman(scores: pd.DataFrame, target: str) -> Friedman:
    p, tracks = friedman(scores, target, "SDR")
    return Friedman(p=None if np.isnan(p) else p, tracks=tracks)
