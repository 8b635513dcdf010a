"""All there is to say about a comparison, for its page and its pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from components.compare.config import CompareConfig
from components.compare.scores.gathered_scores import Gathered
from components.compare.scores.statistics import by_track
from components.compare.systems.description import Facts, title_of
from components.compare.systems_table import best_system


@dataclass(frozen=True)
class Comparison:
    """The scores, a row a system, a row a pair, facts, settings, day and commit."""

    gathered: Gathered
    summary: pd.DataFrame
    pairs: pd.DataFrame
    facts: Mapping[str, Facts]
    config: CompareConfig
    day: date
    commit: str

    @property
    def targets(self) -> list[str]:
        """The targets that any system has, in the order of the scores."""
        return [str(target) for target in dict.fromkeys(self.gathered.scores["target"])]

    def reference(self, target: str) -> str | None:
        """Return the system that pictures compare with: `compare.reference` where it has scores, else the best."""
        missed = self.config.reference is None or self.misses_reference(target)
        return best_system(self.gathered.comparable, target) if missed else self.config.reference

    def misses_reference(self, target: str) -> bool:
        """Return whether a reference was asked for that has no scores of this target that compare."""
        known = by_track(self.gathered.comparable, target, "SDR").dropna(axis="columns", how="all")
        return self.config.reference is not None and self.config.reference not in known

    def otherwise(self, target: str) -> dict[str, str]:
        """Return which systems were scored among other stems than most, and among which."""
        rows = self.gathered.scores[self.gathered.scores["target"] == target]
        odd = rows[rows["among"] != self.gathered.usual[target]]
        return {str(system): str(among) for system, among in zip(odd["system"], odd["among"], strict=True)}

    def title(self, system: str, target: str) -> str:
        """Return a system's title, with a sign where its scores of `target` are not to be compared with the rest."""
        return f"{title_of(system, self.facts)}{' †' if system in self.otherwise(target) else ''}"
