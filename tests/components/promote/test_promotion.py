"""Promotion on a real registry: by verdict, by two processes at once, and by the commands."""

import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from components.core.base.errors import UserError
from components.core.release.journal import JournalConflict, open_journal
from components.core.release.registry_consistency import champion_version
from components.promote.__main__ import promote_judged
from components.promote.config import PromoteConfig
from components.promote.history import history
from components.promote.promotion import promote
from components.promote.repair import repair
from tests.components.promote.registered import aliases, verdict
from tests.support.step_commands import run_command
from tests.support.tiny_models import environment


def test_promote_makes_a_passed_version_the_champion_once(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    assert champion_version(client, name, "champion") is None
    entry = promote(config, verdict(name, 1))
    assert entry is not None
    assert entry.why == "first champion: vocals: +9 dB"
    assert entry.evidence["test"] == "tracks"
    first = client.get_model_version(name, "1").tags["promoted_at"]
    assert promote(config, verdict(name, 1)) is None
    assert client.get_model_version(name, "1").tags["promoted_at"] == first
    promote(config, verdict(name, 2, champion=1))
    assert aliases(client, name) == {"champion": "2", "previous": "1"}
    assert [entry.version for entry in open_journal(config.journal).entries()] == [1, 2]


def test_promote_ignores_a_refused_version(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    assert promote(config, verdict(name, 1, passed=False)) is None
    assert champion_version(client, name, "champion") is None
    promote(config, verdict(name, 1))
    assert promote(config, verdict(name, 2, champion=1, passed=False)) is None
    assert aliases(client, name) == {"champion": "1"}


def test_promote_refuses_a_verdict_about_another_champion(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    promote(config, verdict(name, 1))
    promote(config, verdict(name, 2, champion=1))
    with pytest.raises(UserError, match=r"was judged by the rule .*, and version 2 is live now"):
        promote(config, verdict(name, 3, champion=1))
    assert aliases(client, name)["champion"] == "2"


def test_promote_refuses_an_unregistered_version(client: mlflow.MlflowClient, name: str, config: PromoteConfig) -> None:
    with pytest.raises(UserError, match=r"version 9 of .* is not in the registry"):
        promote(config, verdict(name, 9))
    assert open_journal(config.journal).entries() == []


TWO_AT_ONCE = """
import sys
from components.core.base.errors import UserError
from components.core.release.verdict import Verdict
from components.promote.config import PromoteConfig
from components.promote.promotion import promote
version, journals = int(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
for line in sys.stdin:
    config = PromoteConfig(alias="champion", previous="previous", journal=f"{journals}/{line.strip()}")
    try:
        promote(config, Verdict(name=line.strip(), version=version, passed=True, rule="rule", reasons=()))
        print("won", flush=True)
    except UserError as error:
        print(error, flush=True)
"""


@pytest.mark.slow
def test_promote_lets_one_of_two_processes_win(client: mlflow.MlflowClient, store: str, tmp_path: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TWO_AT_ONCE, str(version), str(tmp_path)],
            env=environment(MLFLOW_TRACKING_URI=store), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for version in (1, 2)
    ]  # fmt: skip
    read_output = [read_line(process) for process in processes]
    assert read_output == ["ready", "ready"]
    for number in range(20):
        name = f"race {number}"
        client.create_registered_model(name)
        for _ in processes:
            client.create_model_version(name, "somewhere")
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(f"{name}\n")
            process.stdin.flush()
        read_output = [read_line(process) for process in processes]
        assert read_output.count("won") == 1, read_output
        [told] = [text for text in read_output if text != "won"]
        assert "judge again" in told or "judge it again" in told
        [entry] = open_journal(str(tmp_path / name)).entries()
        assert entry.version == read_output.index("won") + 1
        assert aliases(client, name) == {"champion": str(entry.version)}
    for process in processes:
        process.communicate(timeout=60)


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_commands_print_what_they_did(
    tmp_path: Path,
    client: mlflow.MlflowClient,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    section = {"promote": {"alias": "champion", "previous": "previous", "journal": str(tmp_path / "promote")}}
    named = {"register": {"name": name}, "acquire": {"datasets": ["folder"]}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(section | named), encoding="utf-8")

    def read_output() -> str:
        run_command(promote_judged, "--gate", "gate")
        return capsys.readouterr().out

    with pytest.raises(SystemExit, match="2"):
        run_command(promote_judged, "--gate", "gate")
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "have the gate judge a version first" in error
    passed = verdict(name, 1)
    passed.write(tmp_path / "gate")
    assert read_output() == f"promote: version 1 of {name} is now @champion (entry 1 of the journal)\n"
    assert read_output() == f"promote: version 1 of {name} is @champion already\n"
    passed.model_copy(update={"version": 2, "passed": False}).write(tmp_path / "gate")
    assert read_output() == f"promote: version 2 of {name} was refused by the gate; @champion stays as it is\n"
    run_command(repair)
    output = capsys.readouterr().out
    assert f"repair: version 1 of {name} is @champion; the journal at" in output
    assert "has 1 entries and no gap" in output
    run_command(history, "--json")
    assert f'"name": "{name}"' in capsys.readouterr().out
    run_command(history, "--at", "2001-01-01")
    assert capsys.readouterr().out == "history: nothing was live at 2001-01-01\n"


def test_champion_version_fails_with_the_registry() -> None:
    class Down(mlflow.MlflowClient):  # type: ignore[misc]
        def get_model_version_by_alias(self, name: str, alias: str) -> None:
            raise MlflowException("the database is locked", error_code=TEMPORARILY_UNAVAILABLE)

    with pytest.raises(UserError, match=r"does not say who is @champion: .*locked"):
        champion_version(Down("sqlite://"), "vocal-isolation", "champion")


def test_journal_refuses_the_second_of_two_equal_expectations(config: PromoteConfig) -> None:
    journal = open_journal(config.journal)
    journal.append("promotion", "m", 1, "why", {}, 0)
    with pytest.raises(JournalConflict):
        journal.append("promotion", "m", 2, "why", {}, 0)


def test_promote_removes_the_refusal_of_a_version(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    client.set_model_version_tag(name, "1", "approval.refused", "Bob: voices hiss")
    promote(config, verdict(name, 1))
    assert "approval.refused" not in client.get_model_version(name, "1").tags


def test_version_of_a_new_registry_is_not_taken_for_the_one_that_was_taken_back(
    client: mlflow.MlflowClient, name: str, config: PromoteConfig
) -> None:
    journal = open_journal(config.journal)
    journal.append("promotion", name, 1, "better", {"sha256": "weights of the old registry"}, 0)
    journal.append("rollback", name, 0, "it hissed", {}, 1)
    entry = promote(config, verdict(name, 1))
    assert entry is not None
    assert (entry.version, aliases(client, name)["champion"]) == (1, "1")
