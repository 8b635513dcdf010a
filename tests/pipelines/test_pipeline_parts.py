"""The parts of the pipelines: parameters from the command line, commands, the guard, the summary, the command line."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import httpx
import pandas as pd
import psutil
import pytest
import requests
from rich.console import Console
from ruamel.yaml import YAML

from components.core import tracking
from components.core.bundle import save_model
from components.core.entry import AGAIN
from components.core.errors import Away, UserError
from components.core.files import write_json
from components.core.networks.unet import UNetConfig, build_unet
from components.core.params import Section, load_section
from components.core.stft import StftConfig
from components.core.tracking import RunRef
from components.core.verdict import VERDICT_FILE, Verdict
from components.core.version import VERSION_FILE, VersionRef
from pipelines import summary
from pipelines.command import CommandError, OutageError, one_line, run_command
from pipelines.parameters import set_parameters
from pipelines.place import STAGES, Place, dvc
from pipelines.stages import bring_up_to_date

ROOT = Path(__file__).parents[2]

PARAMS = """\
# The head of the file.

train:
  # said before
  steps: 700   # said beside
  learning_rate: 0.003
  network:
    widths: [8, 16]   # channels
  note: 'quoted'
datasets: [demo]
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS, encoding="utf-8")
    return path


# parameters


def test_one_value_is_set_and_everything_else_stays(params: Path) -> None:
    assert set_parameters(["train.steps=100"], params) == ["train.steps = 100 (was 700)"]
    assert params.read_text(encoding="utf-8") == PARAMS.replace("steps: 700", "steps: 100")


def test_several_values_lists_among_them(params: Path) -> None:
    changes = set_parameters(["train.network.widths=[4, 8]", "datasets=[musdb18-7s, folder]"], params)
    assert changes == ["train.network.widths = [4, 8] (was [8, 16])", "datasets = [musdb18-7s, folder] (was [demo])"]
    document = YAML(typ="safe").load(params)
    assert document["train"]["network"]["widths"] == [4, 8]
    assert document["datasets"] == ["musdb18-7s", "folder"]
    text = params.read_text(encoding="utf-8")
    for comment in ("# The head of the file.", "# said before", "# said beside", "# channels", "'quoted'"):
        assert comment in text


def test_what_is_so_already_leaves_the_file_alone(params: Path) -> None:
    before = params.stat().st_mtime_ns
    assert set_parameters(["train.steps=700", "datasets=[demo]"], params) == []
    assert set_parameters([], params) == []
    assert params.stat().st_mtime_ns == before


class _Rate(Section):
    steps: int
    learning_rate: float
    network: dict[str, list[int]]
    note: str


@pytest.mark.parametrize("text", ["1e-5", "1e-05", "0.00001", "3e+2"])
def test_small_numbers_are_numbers_for_the_steps_too(params: Path, text: str) -> None:
    set_parameters([f"train.learning_rate={text}"], params)
    assert load_section("train", _Rate, params).learning_rate == float(text)


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [
        ("train.step=1", "sets no parameter"),
        ("train.steps", "sets no parameter"),
        ("steps=1", "sets no parameter"),
        ("train.steps.more=1", "sets no parameter"),
        ("trian.steps=1", "sets no parameter"),
        ("train.steps=[1", "the value is not YAML"),
    ],
)
def test_a_wrong_assignment_is_one_line_and_changes_nothing(params: Path, assignment: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as raised:
        set_parameters(["train.steps=5", assignment], params)
    assert assignment in str(raised.value)
    assert "\n" not in str(raised.value)
    assert params.read_text(encoding="utf-8") == PARAMS


def test_a_missing_or_broken_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist: run from the root of the project"):
        set_parameters([], tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [", encoding="utf-8")
    with pytest.raises(UserError, match="is not valid YAML") as raised:
        set_parameters([], tmp_path / "params.yaml")
    assert "\n" not in str(raised.value)


# commands


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_every_line_of_a_command_is_passed_on_as_it_comes() -> None:
    heard: list[str] = []
    code = "import sys; print('one'); print(); print('two', file=sys.stderr, flush=True); print('three  ')"
    lines = run_command(python(code), heard.append)
    assert lines == heard == ["one", "two", "three"]


def test_lines_and_reasons_are_without_secrets() -> None:
    heard: list[str] = []
    with pytest.raises(CommandError) as caught:
        run_command(python("print('no s3://me:k3ep-it@store'); raise SystemExit(1)"), heard.append)
    assert heard == [str(caught.value)] == ["no s3://***@store"]


def test_a_command_sees_this_environment_first_and_knows_that_a_flow_started_it() -> None:
    code = "import os, shutil; print(shutil.which('python')); print(os.environ['STEMLINE_FLOW'])"
    found, flow = run_command(python(code), lambda line: None)
    assert Path(found).parent == Path(sys.executable).parent
    assert flow


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('stemline: no such song'); print('ERROR: failed to reproduce'); raise SystemExit(2)", "no such song"),
        ("print('almost'); print('too bad'); raise SystemExit(1)", "too bad"),
    ],
)
def test_a_failed_command_raises_the_line_that_says_why(code: str, message: str) -> None:
    with pytest.raises(CommandError) as raised:
        run_command(python(code), lambda line: None)
    assert str(raised.value) == message


def test_a_command_that_fails_in_silence_is_named() -> None:
    with pytest.raises(CommandError, match="failed without a word"):
        run_command(python("raise SystemExit(1)"), lambda line: None)


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def starter(code: str) -> tuple["subprocess.Popen[str]", list[int]]:
    """Run `code` in a process; return it and the process ids that it prints first, on one line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_a_command_ends_with_the_process_that_runs_it_also_when_that_is_killed() -> None:
    inner = "import os, time; print(os.getpid()); time.sleep(600)"
    code = (
        "import sys; from pipelines.command import run_command\n"
        f"run_command([sys.executable, '-c', {inner!r}], lambda line: print(line, flush=True))"
    )
    process, (command,) = starter(code)
    assert alive(command)
    process.kill()
    process.wait()
    wait_until(lambda: not alive(command))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_guard_ends_whatever_a_run_has_started(number: signal.Signals) -> None:
    code = (
        "import subprocess, sys, time; from pipelines.guard import guard_this_process, _guards\n"
        "guard_this_process()\n"
        "sleep = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "children = [subprocess.Popen(sleep, start_new_session=True).pid for _ in range(2)]\n"
        "print(*children, _guards[0].pid, flush=True); time.sleep(600)"
    )
    process, started = starter(code)
    unmarked = subprocess.Popen(python("import time; time.sleep(600)"))
    try:
        assert all(alive(pid) for pid in started)
        process.send_signal(number)
        process.wait()
        wait_until(lambda: not any(alive(pid) for pid in started))
        assert alive(unmarked.pid)
    finally:
        unmarked.kill()
        unmarked.wait()


def test_the_guard_of_a_run_that_ends_well_leaves_its_exit_code_alone() -> None:
    process, _ = starter(
        "from pipelines.guard import guard_this_process; guard_this_process(); print(); raise SystemExit(7)"
    )
    assert process.wait(20) == 7


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


def test_what_did_not_answer_is_told_from_what_is_wrong() -> None:
    with pytest.raises(OutageError, match="no answer"):
        run_command(python(f"print('stemline: no answer; {AGAIN}'); raise SystemExit(2)"), lambda line: None)
    with pytest.raises(CommandError) as raised:
        run_command(python("print('stemline: no such song'); raise SystemExit(2)"), lambda line: None)
    assert not isinstance(raised.value, OutageError)


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("push", "--run-cache"), ("repro", "--pull", "copy"), ("repro", "read")])
def test_a_bucket_that_does_not_answer_dvc_is_an_outage_with_its_reason(tmp_path: Path, arguments: tuple[str]) -> None:
    def quietly(*command: str) -> None:
        run_command(list(command), lambda line: None, folder=tmp_path)

    (tmp_path / "dvc.yaml").write_text(
        "stages: {copy: {cmd: cp a b, deps: [a], outs: [b]}, read: {cmd: touch c, deps: ['s3://music/a'], outs: [c]}}"
    )
    (tmp_path / "a").write_text("a")
    quietly("git", "init", "--quiet")
    quietly(*dvc("init", "--quiet"))
    quietly(*dvc("remote", "add", "--quiet", "--default", "store", "s3://music/dvc"))
    quietly(*dvc("repro", "--quiet", "copy"))  # something to push
    (tmp_path / "a").write_text("b")  # and something to pull
    nowhere = "http://127.0.0.1:9"
    quietly(*dvc("remote", "modify", "store", "endpointurl", nowhere))
    away = {"AWS_ENDPOINT_URL": nowhere, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with pytest.raises(OutageError, match=f'Could not connect to the endpoint URL: "{nowhere}/music.*; {AGAIN}$'):
        run_command(dvc(*arguments), lambda line: None, folder=tmp_path, environment=away)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (httpx.ConnectError("all attempts failed"), f"stemline: all attempts failed; {AGAIN}"),
        (requests.ConnectionError("refused"), f"stemline: refused; {AGAIN}"),
        (Away("MLflow is away"), f"stemline: MLflow is away; {AGAIN}"),
        (OSError(28, "No space left on device", "model.pt"), "stemline: model.pt: No space left on device"),
    ],
)
def test_an_outage_and_a_full_disk_are_one_line_too(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert one_line(raising(error)) == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        one_line(raising(ZeroDivisionError()))


def test_a_users_error_is_one_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert one_line(lambda: None) == 0
    assert one_line(raising(UserError("no such file"))) == 2
    assert one_line(raising(CommandError("train: it failed"))) == 2
    assert one_line(raising(KeyboardInterrupt())) == 130
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["stemline: no such file", "stemline: train: it failed"]
    assert "interrupted" in said[2]


# the summary


def results(folder: Path, judged: int = 3) -> None:
    """Write the small files that the summary reads."""
    rows = [
        {"system": system, "target": target, "SDR": 6.543, "SIR": 12.0, "SAR": float("nan"), "ISR": 9.0}
        for target in ("vocals", "accompaniment")
        for system in ("model", "mixture", "irm2")
    ]
    for step in ("evaluate", "gate", "register"):
        (folder / step).mkdir()
    pd.DataFrame(rows).to_csv(folder / "evaluate" / "table.csv", index=False)
    verdict = Verdict("vocal-isolation", judged, False, "against champion 2", ("vocals: -1.00 dB", "drums: fine"))
    write_json(folder / "gate" / VERDICT_FILE, asdict(verdict))
    write_json(folder / "register" / VERSION_FILE, asdict(VersionRef("vocal-isolation", 3, "run", "digest")))


def summarised(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(summary, "WORKSPACE", folder)
    out = io.StringIO()
    summary.print_summary("s3://label/stems", Console(file=out, width=100, highlight=False))
    return out.getvalue()


def test_the_summary_says_scores_verdict_and_where_everything_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results(tmp_path)
    text = summarised(tmp_path, monkeypatch)
    for part in (
        "this model",
        "ideal ratio mask",
        "6.54",
        "version 3 of vocal-isolation was refused by the gate (against champion 2)",
        "vocals: -1.00 dB",
        "drums: fine",
        "s3://label/stems",
        (tmp_path / "report" / "index.html").as_uri(),
        "mlflow ui --backend-store-uri",
        "prefect server start",
        "dvc metrics show",
    ):
        assert part in text


def test_the_summary_does_not_give_another_versions_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(tmp_path, judged=2)
    text = summarised(tmp_path, monkeypatch)
    assert "version 3 of vocal-isolation is the champion already" in text
    assert "refused" not in text


def test_a_summary_before_any_verdict_is_a_users_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results(tmp_path)
    (tmp_path / "gate" / VERDICT_FILE).unlink()
    with pytest.raises(UserError, match="has not judged a version yet"):
        summarised(tmp_path, monkeypatch)


# the command line


def cli(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "TERM": "dumb"}
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("verb", "taught"),
    [
        ("", ["run", "separate", "status", "serve", "stemline run"]),
        ("run", ["--dataset", "--set", "train.steps=100", "musdb18-7s"]),
        ("separate", ["SOURCE", "DESTINATION", "--model", "s3://bucket/folder"]),
        ("status", ["stages are stale"]),
        ("serve", ["PREFECT_API_URL"]),
    ],
)
def test_help_teaches_every_verb(tmp_path: Path, verb: str, taught: list[str]) -> None:
    result = cli(tmp_path, *[verb][: bool(verb)], "--help")
    assert result.returncode == 0
    for word in taught:
        assert word.casefold() in result.stdout.casefold()


def test_run_outside_the_project_is_one_line(tmp_path: Path) -> None:
    result = cli(tmp_path, "run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "stemline: params.yaml does not exist: run from the root of the project, where it lies\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_separating_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    network = UNetConfig(widths=(4, 8), stft=StftConfig(window=512, hop=128), bins=128, frames=32)
    targets = ("vocals", "accompaniment")
    save_model(tmp_path / "model", build_unet(network, len(targets), 2), network, targets, 44100, 2, {})
    result = cli(tmp_path, "separate", "nowhere.wav", "stems", "--model", "model")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("stemline: ")
    assert result.stderr.count("\n") == 1
    assert "nowhere.wav" in result.stderr


@pytest.mark.parametrize("there", [True, False])
def test_a_training_whose_run_another_mlflow_has_is_reproduced_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    done: list[str] = []
    RunRef("0123", "x").write(tmp_path / "train")
    monkeypatch.setattr(tracking, "has_run", lambda ref: there and ref.run_id == "0123")

    def repro(self: Place, name: str, *arguments: str) -> list[str]:
        done.append(" ".join(arguments))
        return ["a line"]

    monkeypatch.setattr(Place, "_repro", repro)
    lines = bring_up_to_date(Place(tmp_path, tmp_path), ("--pull",))
    again = [] if there else ["--force train"]
    assert done == ["--pull acquire", "--pull cache", "--pull train", *again, "--pull evaluate"]
    assert lines == ["a line"] * len(done)


def test_the_stages_of_the_flow_are_those_of_dvc() -> None:
    document = YAML(typ="safe").load(ROOT / "dvc.yaml")
    assert tuple(document["stages"]) == STAGES
