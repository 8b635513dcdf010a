"""The section `acquire`: params.yaml is valid, and mistakes are one line."""

from pathlib import Path
from typing import get_args

import pytest

from components.acquire.acquire import FINDERS
from components.acquire.config import AcquireConfig, DatasetName
from components.core.base.errors import UserError
from components.core.base.params import load_section
from tests.components.acquire.acquire_params import acquire_config


def test_params_of_the_project_are_valid() -> None:
    config = load_section("acquire", AcquireConfig, Path(__file__).parents[3] / "params.yaml")
    assert config.datasets


def test_registry_has_every_dataset_name() -> None:
    assert set(FINDERS) == set(get_args(DatasetName))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"datasets": []}, "at least one dataset"),
        ({"datasets": ["demo", "demo"]}, "named twice"),
        ({"datasets": ["musdb"]}, "'demo', 'musdb18-7s'"),
        ({"datasets": ["demo"], "validation_share": 1.0}, "validation_share"),
        ({"datasets": ["demo"], "folder_validation_share": 0.5, "folder_test_share": 0.5}, "nothing to train on"),
        ({"datasets": ["demo"], "demo_seconds": 0.5}, "demo_seconds"),
        ({"datasets": ["demo"], "foldr": "x"}, "no such parameter"),
    ],
)
def test_mistakes_are_a_user_error(values: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        acquire_config(**values)
    assert "\n" not in str(caught.value)
