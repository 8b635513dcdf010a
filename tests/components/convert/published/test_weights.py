"""The folder of published weights is that of torch hub."""

import pytest
import torch

from components.convert.published.weights import torch_hub_folder


@pytest.mark.parametrize("variables", [{}, {"XDG_CACHE_HOME": "/caches"}, {"TORCH_HOME": "~/torch"}])
def test_folder_equals_that_of_torch_hub(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert str(torch_hub_folder()) == torch.hub.get_dir()
