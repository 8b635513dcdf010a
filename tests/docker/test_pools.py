"""The templates of work pools are complete, confined, and readable for Prefect's workers."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import prefect
import pytest
import yaml
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.workers.base import BaseJobConfiguration
from pydantic import Field

from tests.support.prefect_server import prefect_server

POOLS = Path(__file__).parents[2] / "docker" / "pools"
OFFICIAL = Path(prefect.__file__).parent / "server/api/collections_data/views/aggregate-worker-metadata.json"
KINDS = {"docker": "docker", "kubernetes": "kubernetes", "kubernetes-training": "kubernetes"}
"""Prefect's kind of pool by the template's name."""

TRAINING = "kubernetes-training"
SHARDS = ("docker", "kubernetes")

each_template = pytest.mark.parametrize("name", KINDS)


def _template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((POOLS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def _properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = _template(name)["variables"]["properties"]
    return found


class JobConfiguration(BaseJobConfiguration):
    """A worker's configuration from a template, with the manifest of Prefect's worker for Kubernetes."""

    job_manifest: dict[str, Any] = Field(default_factory=dict)


async def _fill(template: str, /, **values: object) -> JobConfiguration:
    nobody = PrefectClient(
        "http://127.0.0.1:9/api"
    )  # serves only to look up blocks, and there are none; without it a server starts
    configuration = await JobConfiguration.from_template_and_values(_template(template), values, client=nobody)
    assert isinstance(configuration, JobConfiguration)
    return configuration


@each_template
def test_templates_use_all_their_variables_and_no_others(name: str) -> None:
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(_template(name)["job_configuration"])))
    assert used == set(_properties(name))


@each_template
def test_variables_have_descriptions(name: str) -> None:
    for variable in _properties(name).values():
        assert variable["title"]
        assert variable["description"].endswith(".") or variable["description"]


@each_template
def test_settings_are_known_to_the_worker_of_prefect(name: str) -> None:
    kind = KINDS[name]
    official = json.loads(OFFICIAL.read_text(encoding="utf-8"))[f"prefect-{kind}"][kind][
        "default_base_job_configuration"
    ]
    assert set(_template(name)["job_configuration"]) <= set(official["job_configuration"])


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "kubernetes"])
def test_pods_are_confined(name: str) -> None:
    pod = _template(name)["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind == "kubernetes"])
def test_manifests_have_the_fields_that_the_worker_requires(name: str) -> None:
    """The worker refuses a manifest without these two numbers, although Kubernetes does not read them there."""
    pod = _template(name)["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert (pod["parallelism"], pod["completions"], pod["restartPolicy"]) == (1, 1, "Never")
    assert [container["name"] for container in pod["containers"]] == ["prefect-job"]


@each_template
def test_no_secret_has_a_default(name: str) -> None:
    for variable, described in _properties(name).items():
        assert not re.search(r"AWS_SECRET|password=", json.dumps(described.get("default", ""))), variable


@pytest.mark.parametrize("name", SHARDS)
def test_shard_needs_no_clone_of_the_project(name: str) -> None:
    configuration = asyncio.run(_fill(name, env={"AWS_ENDPOINT_URL": "http://s3"}))
    # else the image's entry point, in-repository, looks for a clone
    assert configuration.env["STEMLINE_SOURCE"] == ""
    assert configuration.env["AWS_ENDPOINT_URL"] == "http://s3"


@each_template
def test_container_has_a_prefect_home_of_its_own(name: str) -> None:
    # else Prefect's worker passes on its own folder, if one is set there
    assert asyncio.run(_fill(name, source="x")).env["PREFECT_HOME"] == "/tmp/prefect"


# Training over several nodes -----------------------------------------------------------------------------------------


def _training_job(**values: object) -> dict[str, Any]:
    return asyncio.run(_fill(TRAINING, source="https://example.org/stemline.git", **values)).job_manifest


def test_nodes_are_pods_of_an_indexed_job_that_ends_with_the_first() -> None:
    spec = _training_job(nodes=3, gpus="4")["spec"]
    assert spec["completionMode"] == "Indexed"
    assert (spec["completions"], spec["parallelism"]) == (3, 3)
    assert spec["backoffLimit"] == 0, "Prefect starts the run again, not Kubernetes a node"
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}, "the others would wait for ever"
    [container] = spec["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "4"
    environment = {item["name"]: item.get("value") for item in container["env"]}
    assert environment["PET_NPROC_PER_NODE"] == "4"
    assert environment["PET_NNODES"] == "3:3", "a variable of a pod is text"
    assert all(isinstance(value, str | None) for value in environment.values())


def test_job_name_is_a_valid_host_name_for_any_flow_run() -> None:
    metadata = _training_job(name="retrain at a very long branch's name, because of new data in the bucket")["metadata"]
    # Kubernetes adds five characters; with `-<index>` it is a host's name, of 63 at most
    assert len(metadata["generateName"]) + 5 + len("-999") <= 63


def test_pods_share_a_service_and_a_volume() -> None:
    documents = list(yaml.safe_load_all((POOLS / f"{TRAINING}.yaml").read_text(encoding="utf-8")))
    beside = {document["kind"]: document for document in documents}
    service, claim, policy = (beside[kind] for kind in ("Service", "PersistentVolumeClaim", "NetworkPolicy"))
    template = _training_job()["spec"]["template"]
    pod, [container] = template["spec"], template["spec"]["containers"]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    for selector in (service["spec"]["selector"], policy["spec"]["podSelector"]["matchLabels"]):
        assert selector.items() <= template["metadata"]["labels"].items()
    assert pod["subdomain"] == service["metadata"]["name"]
    environment = {item["name"]: item for item in container["env"]}
    first, _, port = environment["PET_RDZV_ENDPOINT"]["value"].partition(":")
    assert first == f"$(JOB_NAME)-0.{service['metadata']['name']}"
    assert int(port) == service["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"]
    assert list(environment).index("JOB_NAME") < list(environment).index("PET_RDZV_ENDPOINT"), (
        "it would not be filled in"
    )
    [shared] = [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]
    assert shared["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    places = {mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] == shared["name"]}
    assert places == {"/srv/stemline", "/srv/dvc"}


# A real server -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of clients of a running Prefect server."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as variables:
        yield variables


@pytest.mark.slow
def test_server_accepts_the_template_for_training(server: dict[str, str]) -> None:
    with SyncPrefectClient(server["PREFECT_API_URL"]) as client:
        pool = WorkPoolCreate(name=TRAINING, type="kubernetes", base_job_template=_template(TRAINING))
        client.create_work_pool(pool)
        flow = client.create_flow_from_name("retrain")

        def deploy(name: str, **variables: object) -> None:
            client.create_deployment(flow, name, work_pool_name=TRAINING, job_variables=variables)

        deploy("right", source="https://example.org/stemline.git", nodes=4)
        for wrong in ({"source": "x", "nodes": 0}, {"source": "x", "nodes": "many"}):
            with pytest.raises(PrefectHTTPStatusError, match="nodes"):
                deploy("wrong", **wrong)
