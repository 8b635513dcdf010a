"""The catalogue of the files through which steps meet in the workspace: name, path, type, writer, readers.

Other files of a step (stems, pages, the journal, scratch) are not listed, because no other step finds them by a fixed
path. Steps, flows, report, docs and tests take file names and paths from here; no other place spells them. A step gets
its folders from its command line (`--out workspace/acquire`), so an artifact is found in a folder
(`MANIFEST.within(data)`) or in a workspace (`MANIFEST.below(workspace)`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["folder", "table", "document", "picture", "page"]


@dataclass(frozen=True)
class Artifact:
    """One output of a step.

    writer    the step that writes it, and the folder of the workspace in which it lies
    file      its name in that folder; empty where the whole folder is meant
    kind      folder, table, document, picture or page
    about     the content, for docs and the report
    readers   the steps, and other commands of `stemline`, that read it
    """

    writer: str
    file: str
    kind: Kind
    about: str
    readers: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Its path below the project, as dvc.yaml and docs write it."""
        return "/".join(part for part in ("workspace", self.writer, self.file) if part)

    def within(self, folder: Path) -> Path:
        """Return its path in the step's own folder."""
        return folder / self.file

    def below(self, workspace: Path) -> Path:
        """Return its path in a workspace."""
        return workspace / self.writer / self.file


TRACKS = Artifact("acquire", "tracks", "folder", "the stems as they arrived", ("cache", "evaluate", "catalogue"))
MANIFEST = Artifact(
    "acquire", "manifest.csv", "table", "one row per stem: track, artist, split, file",
    ("cache", "evaluate", "gate", "catalogue", "export", "retrain"),
)  # fmt: skip
PROBLEMS = Artifact("acquire", "problems.csv", "table", "problems of the data that arrived", ("report",))
ACQUIRE_SUMMARY = Artifact("acquire", "summary.json", "document", "counts of tracks and minutes", ("compare", "report"))

CACHE = Artifact("cache", "", "folder", "a few int16 shards and their index", ("train",))
CACHE_SETTINGS = Artifact("cache", "cache.json", "document", "targets, rate and channels", ("train",))
CACHE_INDEX = Artifact("cache", "index.csv", "table", "one row per track: its place in the shards", ("train",))

START = Artifact("start", "start.json", "document", "the model that the training starts from", ("train",))
START_MODEL = Artifact("start", "model", "folder", "its weights and their description", ("train",))

MODEL = Artifact(
    "train",
    "model",
    "folder",
    "weights and their description",
    ("evaluate", "register", "export", "compare", "retrain"),
)
RUN = Artifact(
    "train", "run.json", "document", "the MLflow run of the training", ("evaluate", "register", "export", "compare")
)
CURVES = Artifact("train", "curves.csv", "table", "one row per validation: loss and SDR", ("compare", "report"))
VALIDATION = Artifact("train", "validation.csv", "table", "one row per validation and target, for `dvc plots`")
TRAIN_METRICS = Artifact("train", "metrics.json", "document", "the best validation")

SCORES = Artifact(
    "evaluate", "scores.csv", "table", "one row per system, track, target, metric", ("gate", "compare", "export")
)
SCORE_TABLE = Artifact("evaluate", "table.csv", "table", "medians with their intervals", ("export", "report", "status"))
TEST = Artifact(
    "evaluate", "test.json", "document", "the test set: tracks and digest",
    ("gate", "compare", "export", "report", "retrain"),
)  # fmt: skip
SPEED = Artifact("evaluate", "speed.csv", "table", "how fast each system separates", ("compare", "export"))
MUSEVAL = Artifact("evaluate", "museval", "folder", "scores as museval writes them, one file per track")
PICTURES = Artifact("evaluate", "pictures", "folder", "plots of scores and spectrograms", ("report", "export"))
EVALUATE_METRICS = Artifact("evaluate", "metrics.json", "document", "the medians, for `dvc metrics`")

VERSION = Artifact("register", "version.json", "document", "the registered version", ("gate", "report", "retrain"))
VERDICT = Artifact(
    "gate", "verdict.json", "document", "whether the version may go live", ("promote", "report", "retrain")
)
SMOKE = Artifact("gate", "smoke.json", "document", "measurements of the trial of version and champion")
APPROVAL = Artifact("gate", "approval.json", "document", "a person's approval of the verdict", ("promote",))
VERDICT_PICTURE = Artifact("gate", "differences.png", "picture", "gain or loss of each track", ("retrain",))
COMPARISON_PLAN = Artifact("compare", "plan.json", "document", "every system's parameters")
COMPARED_SYSTEMS = Artifact("compare", "systems", "folder", "model, scores and costs of every system")
COMPARISON = Artifact("compare", "comparison.csv", "table", "one row per system: medians, intervals, costs")
PAIRS = Artifact("compare", "pairs.csv", "table", "one row per pair of systems: the difference and its tests")
COMPARISON_TEXT = Artifact("compare", "comparison.md", "page", "the comparison as Markdown")
COMPARISON_PAGE = Artifact("compare", "comparison.html", "page", "the comparison with pictures, to sort")
COMPARISON_PICTURES = Artifact("compare", "pictures", "folder", "differences, scores and speeds")
COMPARISON_SUMMARY = Artifact("compare", "summary.json", "document", "the best systems, and what failed")
RECORDINGS = Artifact("catalogue", "", "folder", "held-back recordings to separate", ("separate", "shadow"))
REPORT = Artifact("report", "index.html", "page", "all of it on one page")

ARTIFACTS = (
    TRACKS, MANIFEST, PROBLEMS, ACQUIRE_SUMMARY, CACHE, CACHE_SETTINGS, CACHE_INDEX,
    START, START_MODEL, MODEL, RUN, CURVES, VALIDATION, TRAIN_METRICS, SCORES,
    SCORE_TABLE, TEST, SPEED, MUSEVAL, PICTURES, EVALUATE_METRICS, VERSION, VERDICT, SMOKE, APPROVAL, VERDICT_PICTURE,
    COMPARISON_PLAN, COMPARED_SYSTEMS, COMPARISON, PAIRS, COMPARISON_TEXT, COMPARISON_PAGE, COMPARISON_PICTURES,
    COMPARISON_SUMMARY, RECORDINGS, REPORT,
)  # fmt: skip
