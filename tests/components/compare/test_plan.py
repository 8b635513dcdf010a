"""The plan of a comparison: its jobs, their parameters, and refused options."""

import re
from pathlib import Path

import pytest

from components.cache.config import CacheConfig
from components.compare.plan import SMALL, training_jobs, write_plan
from components.compare.systems.row_names import BASELINES
from components.compare.systems.system_registry import FOUR_STEMS, SYSTEMS, find_systems
from components.core.base.errors import UserError
from components.core.data.comparison_documents import Plan
from components.core.networks.architecture_registry import parse_network
from components.evaluate.config import EvaluateConfig
from components.train.config import TrainConfig
from tests.support.step_commands import run_command
from tests.support.tiny_models import run_python, save_tiny_model


def test_systems_have_parameters_that_the_steps_accept() -> None:
    jobs = training_jobs(list(SYSTEMS.values()), {**SMALL, "evaluate.post": {"mwf": {"method": "wiener"}}}, small=True)
    assert {job.name for job in jobs} == set(SYSTEMS)
    for job in jobs:
        parameters = job.parameters
        assert parse_network(parameters["train.network"])
        for section, config in (("train", TrainConfig), ("evaluate", EvaluateConfig), ("cache", CacheConfig)):
            names = {name.split(".")[1] for name in parameters if name.startswith(f"{section}.")}
            assert names <= config.model_fields.keys()


def test_jobs_can_score_the_oracles_of_their_stems() -> None:
    jobs = training_jobs(find_systems(["spleeter-4", "unet", "spleeter"]), {}, small=False)
    assert [(job.name, job.stems) for job in jobs] == [
        ("unet", ("accompaniment", "vocals")), ("spleeter", ("accompaniment", "vocals")),
        ("spleeter-4", tuple(sorted(FOUR_STEMS))),
    ]  # fmt: skip
    assert jobs[-1].parameters["cache.targets"] == list(FOUR_STEMS)
    for job in jobs:
        assert job.parameters["evaluate.systems"] == ["model"]
        assert job.oracles == {"evaluate.systems": ["model", *BASELINES]}


def test_small_networks_are_smaller_than_the_published_defaults() -> None:
    for system in SYSTEMS.values():
        assert system.published.keys() <= {"name", "activation", "masks"}
        assert system.small.keys() > system.published.keys()


def test_find_systems_accepts_both_spellings_and_repeated_names() -> None:
    assert [system.name for system in find_systems(["open_unmix", "Open-Unmix", "unet"])] == ["open-unmix", "unet"]
    assert "spleeter-5" not in [system.name for system in find_systems(None)]
    with pytest.raises(UserError, match="there is no system wnet: choose from bs-roformer"):
        find_systems(["wnet"])


SOUND = ("--rate", "44100", "--channels", "2")


@pytest.mark.slow
def test_command_writes_the_plan_or_one_line(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", FOUR_STEMS)
    command = ["-m", "components.compare.plan", "--out", str(tmp_path), *SOUND, "--post", "mask,mwf", "--tracks", "3"]
    result = run_python(*command, "--systems", "unet", "--small", "--models", f"mine={model}")
    assert result.returncode == 0, result.stderr
    unet, mine = Plan.read(tmp_path).jobs
    for job in (unet, mine):
        assert job.parameters["evaluate.tracks"] == 3
        assert job.parameters["evaluate.post"] == {"mwf": {"method": "wiener"}}
    assert unet.model is None
    assert (mine.name, mine.model, mine.stems) == ("mine", str(model), tuple(sorted(FOUR_STEMS)))
    assert {name.split(".")[0] for name in mine.parameters} == {"evaluate"}
    wrong = run_python(*command, "--post", "magic")
    assert wrong.returncode == 2
    assert "--post: there is no post-processing magic" in wrong.stderr


def test_plan_can_compare_models_only(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    run_command(write_plan, "--out", str(tmp_path), *SOUND, "--only-models", "--models", f"mine={model}")
    assert [job.name for job in Plan.read(tmp_path).jobs] == ["mine"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--models", "unet=x"], "--models unet: the comparison has a system unet already"),
        (["--models", "irm2=x"], "--models irm2: the comparison has a system irm2 already"),
        (["--models", "a=x", "--scores", "a=y"], "--models a: the comparison has a system a already"),
        (["--systems", "unet", "--scores", "unet=y"], "--scores unet: the comparison has a system unet already"),
        (["--scores", "a=nowhere"], "--scores a: nowhere is not a folder"),
        (["--scores", "a=docs"], "--scores a: docs has no JSON file of museval's in it"),
        (
            ["--systems", "unet", "--reference", "unt"],
            "compare.reference: this comparison has no system unt: choose from unet",
        ),
        (["--models", "a=nowhere"], "--models a: .*nowhere is not a model"),
        (["--only-models"], "--only-models leaves nothing to compare"),
    ],
)
def test_impossible_plan_prints_one_line(
    given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_command(write_plan, "--out", str(tmp_path), *SOUND, *given)
    assert re.fullmatch(f"stemline: {message}.*\n", capsys.readouterr().err)
    assert not (tmp_path / Plan.FILE).exists()


@pytest.mark.parametrize("option", ["--tracks", "--steps"])
@pytest.mark.parametrize("count", ["0", "-1"])
def test_count_of_zero_prints_one_line(
    option: str, count: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_command(write_plan, "--out", str(tmp_path), *SOUND, option, count)
    assert f"command line: compare.{option[2:]}: expected a number greater" in capsys.readouterr().err
