"""A promotion that was killed between journal and alias is finished before the next training."""

import shutil
import sys
from pathlib import Path

import mlflow
import pytest

from components.core.base.errors import UserError
from components.core.release.journal import open_journal
from components.core.release.registry_consistency import find_disagreement
from components.core.release.registry_sections import PromoteConfig
from components.core.release.verdict import Verdict
from components.core.tracking import mlflow_runs
from components.promote.promotion import promote
from pipelines.judging.registration_and_gate import live_version, repair_registry
from pipelines.processes.command import CommandError, run_command
from pipelines.running.project_stages import ProjectFolder
from tests.support.databases import new_mlflow_store

ROOT = Path(__file__).parents[3]
PARAMS = """
acquire: {{datasets: [folder]}}
register: {{name: voices}}
promote:
  alias: champion
  previous: previous
  journal: {journal}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ProjectFolder:
    """A project without registry and journal; its steps run without Prefect."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_mlflow_store(tmp_path / "mlflow" / "mlflow.db"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "params.yaml").write_text(PARAMS.format(journal=tmp_path / "promote"))
    steps = tmp_path / "steps"

    def run_step(self: ProjectFolder, step: str, *arguments: str) -> list[str]:
        with steps.open("a") as file:
            file.write(f"{step}\n")
        return run_command([sys.executable, "-m", f"components.{step}", *arguments], folder=self.folder)

    monkeypatch.setattr(ProjectFolder, "run_step", run_step)
    return ProjectFolder(tmp_path, tmp_path / "workspace")


@pytest.fixture
def client(place: ProjectFolder) -> mlflow.MlflowClient:
    """The registry with two versions; the first is live, also in the journal."""
    client = mlflow_runs.connect()
    client.create_registered_model("voices")
    for _ in range(2):
        client.create_model_version("voices", "somewhere")
    promote(_config(place), _verdict(1, 0))
    return client


def _config(place: ProjectFolder) -> PromoteConfig:
    return PromoteConfig(alias="champion", previous="previous", journal=str(place.folder / "promote"))


def _verdict(version: int, champion: int) -> Verdict:
    return Verdict(name="voices", version=version, passed=True, rule="rule", reasons=("better",), champion=champion)


def _steps(place: ProjectFolder) -> list[str]:
    path = place.folder / "steps"
    return path.read_text().split() if path.is_file() else []


def test_repair_before_the_first_run_creates_nothing(place: ProjectFolder) -> None:
    shutil.rmtree(place.folder / "mlflow")
    repair_registry(place)
    assert [path.name for path in place.folder.iterdir()] == ["params.yaml"]


@pytest.mark.usefixtures("client")
def test_repair_starts_nothing_when_journal_and_registry_agree(place: ProjectFolder) -> None:
    repair_registry(place)
    assert (_steps(place), find_disagreement(place.params)) == ([], None)


@pytest.mark.slow
def test_repair_finishes_a_killed_promotion_so_that_a_verdict_against_it_counts(
    place: ProjectFolder, client: mlflow.MlflowClient
) -> None:
    open_journal(_config(place).journal).append("promotion", "voices", 2, "better", {}, 1)
    assert live_version("voices", "champion") == 1
    repair_registry(place)
    assert _steps(place) == ["promote.repair"]
    assert live_version("voices", "champion") == 2
    client.create_model_version("voices", "somewhere")
    entry = promote(_config(place), _verdict(3, 2))
    assert entry
    assert (entry.version, entry.before) == (3, 2)


@pytest.mark.usefixtures("client")
def test_verdict_against_the_previous_champion_says_how_to_judge_again(place: ProjectFolder) -> None:
    open_journal(_config(place).journal).append("promotion", "voices", 2, "better", {}, 1)
    with pytest.raises(UserError, match=r"version 2 is live now: judge it again with `stemline retrain`"):
        promote(_config(place), _verdict(3, 1))


@pytest.mark.slow
@pytest.mark.usefixtures("client")
def test_contradiction_ends_the_run_before_the_training(place: ProjectFolder) -> None:
    for path in (place.folder / "promote" / "journal").iterdir():
        path.unlink()
    expected = "voices, .*has no entry about the model, and the registry follows entry 1 of another journal"
    with pytest.raises(CommandError, match=expected):
        repair_registry(place)
