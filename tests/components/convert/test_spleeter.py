"""Variables of a TensorFlow checkpoint find their places in our network."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from components.convert.convert import convert
from components.convert.spleeter import state_of
from components.core.bundle import load_model
from components.core.errors import UserError
from components.core.networks.separator import Separator
from components.core.networks.spleeter import SpleeterConfig, build_spleeter


class _Checkpoint:
    """Variables as TensorFlow names them, made from a separator of ours."""

    def __init__(self, separator: nn.Module, stems: int) -> None:
        state = separator.state_dict()
        self.variables: dict[str, NDArray[np.float32]] = {}
        for stem in range(stems):
            self._stem(stem, {k.removeprefix(f"network.stems.{stem}."): v for k, v in state.items()})
        self.asked: list[str] = []

    def _stem(self, stem: int, state: Mapping[str, torch.Tensor]) -> None:
        for level in range(6):
            self._kernel("conv2d", 7 * stem + level, state, f"down.{level}")
            self._kernel("conv2d_transpose", 6 * stem + level, state, f"up.{level}.0")
            self._norm(12 * stem + 6 + level, state, f"up.{level}.2")
            if level < 5:
                self._norm(12 * stem + level, state, f"norms.{level}")
        self._kernel("conv2d", 7 * stem + 6, state, "head")

    def _kernel(self, kind: str, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"{kind}_{number}" if number else kind
        self.variables[f"{label}/kernel"] = state[f"{name}.weight"].numpy().transpose(3, 2, 1, 0)
        self.variables[f"{label}/bias"] = state[f"{name}.bias"].numpy()

    def _norm(self, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"batch_normalization_{number}" if number else "batch_normalization"
        names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        for theirs, ours in names.items():
            self.variables[f"{label}/{theirs}"] = state[f"{name}.{ours}"].numpy()

    def get_tensor(self, name: str) -> NDArray[np.float32]:
        self.asked.append(name)
        return self.variables[name]

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        return {name: list(value.shape) for name, value in self.variables.items()}


def _separator(stems: int, config: SpleeterConfig) -> Separator:
    torch.manual_seed(0)
    separator = build_spleeter(config, stems, 2).eval()
    for value in separator.state_dict().values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value)
    return separator


@pytest.mark.parametrize("stems", [2, 4])
def test_every_variable_finds_its_place(stems: int) -> None:
    separator = _separator(stems, SpleeterConfig(widths=(2, 3, 4, 5, 6, 7), frames=64))
    checkpoint = _Checkpoint(separator, stems)
    state = state_of(checkpoint, stems)
    assert state.keys() == separator.state_dict().keys()
    assert all(torch.equal(value, separator.state_dict()[name]) for name, value in state.items())
    assert sorted(checkpoint.asked) == sorted(checkpoint.variables)  # each once, none left over


def test_a_folder_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TensorFlow itself is stood in for; the rest is as published."""
    separator = _separator(2, SpleeterConfig())
    tensorflow = SimpleNamespace(train=SimpleNamespace(load_checkpoint=lambda folder: _Checkpoint(separator, 2)))
    monkeypatch.setattr("components.convert.spleeter.imported", lambda *names: tensorflow)
    (tmp_path / "2stems").mkdir()
    for name in ("checkpoint", "model.index", "model.data-00000-of-00001"):
        (tmp_path / "2stems" / name).touch()
    convert("spleeter", str(tmp_path / "2stems"), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert (model.targets, model.rate, model.channels) == (("vocals", "accompaniment"), 44100, 2)
    assert sorted(model.origin["files"]) == ["model.data-00000-of-00001", "model.index"]
    assert all(
        torch.equal(value, separator.state_dict()[name]) for name, value in model.separator.state_dict().items()
    )  # fmt: skip


def test_without_tensorflow_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorflow", None)
    (tmp_path / "checkpoint").touch()
    with pytest.raises(UserError, match=r"pip install 'stemline\[spleeter\]'"):
        convert("spleeter", str(tmp_path), tmp_path / "model")
