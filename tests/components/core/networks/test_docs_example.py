"""The architecture that docs/architectures.md shows as two files is one."""

import re
import sys
from importlib import import_module
from types import ModuleType

import pytest
import torch

from components.core.networks.base.architecture import Architecture
from components.core.networks.building import build_separator
from tests.support.tiny_models import ROOT


def test_example_in_the_docs_is_an_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8")
    description, network = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    _run_as_module("components.core.networks.architectures.copycat", description, monkeypatch)
    _run_as_module("components.core.networks.copycat", network, monkeypatch)
    architecture = import_module("components.core.networks.architectures.copycat").ARCHITECTURE
    assert isinstance(architecture, Architecture)
    assert architecture.name == "copycat"
    separator = build_separator(architecture.config(), 3, 2)
    mixture = torch.randn(1, 2, 1000)
    with torch.inference_mode():
        stems = separator(mixture)
    assert stems.shape == (1, 3, 2, 1000)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


def _run_as_module(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(code, module.__dict__)
