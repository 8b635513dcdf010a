"""What a comparison trains: the jobs, their parameters, and what is refused."""

import json
from pathlib import Path

import pytest
from core.tiny import run_python

from components.cache.config import CacheConfig
from components.compare.plan import ORACLES, SMALL, plan
from components.compare.systems import FOUR_STEMS, SYSTEMS, named
from components.core.errors import UserError
from components.core.networks.registry import parse_network
from components.evaluate.config import EvaluateConfig
from components.train.config import TrainConfig


def test_every_system_has_parameters_that_the_steps_take() -> None:
    jobs = plan(list(SYSTEMS.values()), {**SMALL, "evaluate.post": {"mwf": {"method": "wiener"}}}, small=True)
    assert {job["name"] for job in jobs} == set(SYSTEMS)
    for job in jobs:
        parameters = job["parameters"]
        assert parse_network(parameters["train.network"])
        for section, config in (("train", TrainConfig), ("evaluate", EvaluateConfig), ("cache", CacheConfig)):
            names = {name.split(".")[1] for name in parameters if name.startswith(f"{section}.")}
            assert names <= config.model_fields.keys()


def test_oracles_are_scored_once_a_set_of_stems() -> None:
    jobs = plan(named(["unet", "spleeter", "spleeter-4"]), {}, small=False)
    with_oracles = [job["name"] for job in jobs if job["parameters"]["evaluate.systems"] == ["model", *ORACLES]]
    assert with_oracles == ["unet", "spleeter-4"]
    assert jobs[-1]["parameters"]["cache.targets"] == list(FOUR_STEMS)


def test_published_networks_are_the_defaults_and_small_ones_smaller() -> None:
    for system in SYSTEMS.values():
        assert system.published.keys() <= {"name", "activation", "masks"}
        assert system.small.keys() > system.published.keys()


def test_names_may_be_written_either_way_and_twice() -> None:
    assert [system.name for system in named(["open_unmix", "Open-Unmix", "unet"])] == ["open-unmix", "unet"]
    assert "spleeter-5" not in [system.name for system in named([])]
    with pytest.raises(UserError, match=r"there is no system wnet \(there are bs-roformer"):
        named(["wnet"])


def test_the_command_writes_the_plan_or_one_line(tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    command = ["-m", "components.compare.plan", "--out", str(out)]
    result = run_python(*command, "--systems", "unet", "--post", "mask,mwf", "--tracks", "3", "--small")
    assert result.returncode == 0, result.stderr
    [job] = json.loads(out.read_text())
    assert job["parameters"]["evaluate.tracks"] == 3
    assert job["parameters"]["evaluate.post"] == {"mwf": {"method": "wiener"}}
    wrong = run_python(*command, "--post", "magic")
    assert wrong.returncode == 2
    assert "--post: there is no magic" in wrong.stderr
