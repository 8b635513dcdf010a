"""The architecture that docs/architectures.md shows as one file is one."""

import re
from typing import Any

import torch

from components.core.networks.base.architecture import Architecture
from tests.support.tiny_models import ROOT


def test_the_example_is_an_architecture() -> None:
    text = (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module: dict[str, Any] = {"__name__": "copycat"}
    exec(code, module)
    architecture = module["ARCHITECTURE"]
    assert isinstance(architecture, Architecture)
    assert architecture.name == "copycat"
    separator = architecture.build(architecture.config(), 3, 2)
    mixture = torch.randn(1, 2, 1000)
    with torch.inference_mode():
        stems = separator(mixture)
    assert stems.shape == (1, 3, 2, 1000)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6
