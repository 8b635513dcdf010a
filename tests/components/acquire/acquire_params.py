"""The section `acquire` of params.yaml, with changes, for tests."""

from ruamel.yaml import YAML

from components.acquire.config import AcquireConfig
from components.core.base.params import parse_section
from tests.support.source import ROOT

PARAMS = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))["acquire"]


def acquire_config(**changes: object) -> AcquireConfig:
    """Return the project's parameters, with changes, as the step reads them."""
    return parse_section("acquire", PARAMS | changes, AcquireConfig, "params.yaml")
