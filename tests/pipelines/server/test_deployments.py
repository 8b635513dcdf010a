"""prefect.yaml: every deployment is complete, and Prefect's form explains every parameter."""

from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.objects import ConcurrencyLimitStrategy

from components.core.base.errors import UserError
from pipelines.server.automations import TAG, connect_to_server
from pipelines.server.deployments import DeploymentSpec, read_deployments
from pipelines.server.serve import group_by_pool, select_deployments

ROOT = Path(__file__).parents[3]
FILE = """\
deployments:
  - {{name: data, entrypoint: "pipelines/flows/data_watching.py:watch_data", time_limit_hours: {hours}}}
"""


@pytest.fixture
def specs(monkeypatch: pytest.MonkeyPatch) -> dict[str, DeploymentSpec]:
    monkeypatch.chdir(ROOT)
    return {spec.flow.name: spec for spec in read_deployments()}


def test_prefect_yaml_has_the_flows_that_users_start(specs: dict[str, DeploymentSpec]) -> None:
    assert {"retrain", "evaluate-champion", "separate-catalogue", "compare", "watch-data"} <= specs.keys()


def test_form_of_prefect_explains_every_parameter(specs: dict[str, DeploymentSpec]) -> None:
    unexplained = [
        f"{name}: {parameter}"
        for name, spec in specs.items()
        for parameter, schema in spec.flow.parameters.properties.items()
        if not schema.get("description")
    ]
    assert unexplained == []
    assert specs["evaluate-champion"].flow.parameters.properties["commit"]["description"].startswith("The commit")


def test_defaults_and_triggers_set_parameters_that_the_flow_has(specs: dict[str, DeploymentSpec]) -> None:
    for name, spec in specs.items():
        given = [spec.section, *spec.section.get("triggers", [])]
        set_here = {parameter for part in given for parameter in part.get("parameters", {})}
        assert set_here <= spec.flow.parameters.properties.keys(), name


def test_every_deployment_has_our_tag_and_a_time_limit(specs: dict[str, DeploymentSpec]) -> None:
    for name, spec in specs.items():
        assert TAG in spec.section["tags"], name
        assert spec.time_limit is not None, name
        assert spec.local_deployment().tags == [TAG], name


def test_trainings_run_once_at_a_time_and_cancel_new_runs(specs: dict[str, DeploymentSpec]) -> None:
    for name in ("retrain", "evaluate-champion", "compare", "watch-data"):
        made = specs[name].local_deployment()
        assert made.concurrency_limit == 1
        assert made.concurrency_options is not None
        assert made.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW


def test_second_catalogue_waits_for_the_first(specs: dict[str, DeploymentSpec]) -> None:
    made = specs["separate-catalogue"].local_deployment()
    assert made.concurrency_limit == 1
    assert made.concurrency_options is not None
    assert made.concurrency_options.collision_strategy == ConcurrencyLimitStrategy.ENQUEUE


def test_deployments_are_selected_by_name(specs: dict[str, DeploymentSpec]) -> None:
    everything = list(specs.values())
    assert select_deployments(everything, ()) == everything
    chosen = select_deployments(everything, ["retrain/scheduled", "champion"])
    assert {spec.flow.name for spec in chosen} == {"retrain", "evaluate-champion"}
    with pytest.raises(UserError, match=r"prefect\.yaml has no deployment retrain: choose from .*scheduled"):
        select_deployments(everything, ["champion", "retrain"])


def test_missing_prefect_yaml_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"prefect\.yaml does not exist: run from the root"):
        read_deployments()


@pytest.mark.parametrize(("hours", "limit"), [("1.5", timedelta(minutes=90)), ("0.001", None)])
def test_time_limit_is_in_hours_and_not_too_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: str, limit: timedelta | None
) -> None:
    (tmp_path / "prefect.yaml").write_text(FILE.format(hours=hours))
    monkeypatch.chdir(tmp_path)
    (spec,) = read_deployments()
    if limit is not None:
        assert spec.time_limit == limit
        return
    with pytest.raises(UserError, match=r"time_limit_hours of data is 0\.001: set it to 0:00:10 or more"):
        assert spec.time_limit


def test_misplaced_parameter_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = '{name: sunday, entrypoint: "pipelines/flows/retraining.py:retrain", require_approval: true}'
    (tmp_path / "prefect.yaml").write_text(f"deployments:\n  - {section}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^prefect\.yaml: require_approval of sunday belongs below its `parameters:`$"):
        read_deployments()


@pytest.mark.slow
def test_missing_server_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with pytest.raises(UserError, match="start one with `prefect server start`"), connect_to_server():
        pass


def test_deployments_are_grouped_by_pool(specs: dict[str, DeploymentSpec]) -> None:
    names = [spec.name for spec in specs.values()]
    assert group_by_pool(list(specs.values())) == [names]
    own = specs["watch-data"]
    own.section["work_pool"] = {"name": "night"}
    assert group_by_pool(list(specs.values())) == [[name for name in names if name != own.name], [own.name]]
    assert group_by_pool([own]) == [[own.name]]
