"""The templates of work pools: complete, confined, and such as Prefect's own workers of that kind read."""

import json
import re
from pathlib import Path
from typing import Any

import prefect
import pytest

POOLS = Path(__file__).parents[2] / "docker" / "pools"
OFFICIAL = Path(prefect.__file__).parent / "server/api/collections_data/views/aggregate-worker-metadata.json"
KINDS = ("docker", "kubernetes")


def _template(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((POOLS / f"{kind}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_placeholder_is_a_variable_and_every_variable_is_used(kind: str) -> None:
    template = _template(kind)
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_variable_is_explained(kind: str) -> None:
    for variable in _template(kind)["variables"]["properties"].values():
        assert variable["title"]
        assert variable["description"].endswith(".") or variable["description"]


@pytest.mark.parametrize("kind", KINDS)
def test_settings_are_those_that_prefects_worker_knows(kind: str) -> None:
    official = json.loads(OFFICIAL.read_text(encoding="utf-8"))[f"prefect-{kind}"][kind][
        "default_base_job_configuration"
    ]
    assert set(_template(kind)["job_configuration"]) <= set(official["job_configuration"])


def test_pods_are_confined() -> None:
    pod = _template("kubernetes")["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_has_a_default(kind: str) -> None:
    for name, variable in _template(kind)["variables"]["properties"].items():
        assert not re.search(r"AWS_SECRET|password=", json.dumps(variable.get("default", ""))), name
