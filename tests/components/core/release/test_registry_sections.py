"""A model that learns from demo songs alone is registered under a name of its own."""

from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.release.registry_sections import load_model_name


def _params(folder: Path, datasets: str) -> Path:
    path = folder / "params.yaml"
    path.write_text(f"acquire: {{datasets: {datasets}, seed: 7}}\nregister: {{name: voices}}")
    return path


@pytest.mark.parametrize(
    ("datasets", "name"),
    [("[demo]", "voices-demo"), ("[demo, folder]", "voices"), ("[musdb18]", "voices"), ("[]", "voices")],
)
def test_model_name_is_the_demonstrations_for_demo_songs_alone(tmp_path: Path, datasets: str, name: str) -> None:
    assert load_model_name(_params(tmp_path, datasets)) == name


def test_model_name_without_datasets_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"acquire\.datasets: expected a list"):
        load_model_name(_params(tmp_path, "demo"))
