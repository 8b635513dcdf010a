"""What a system costs: counted by hand where it can be."""

import json
from pathlib import Path

import pytest
import torch
from core.tiny import run_python, save_tiny_model
from torch import Tensor, nn

from components.compare.costs import count_multiply_adds
from components.core.networks.separator import Separator


class _Counted(Separator):
    """A convolution of 2 × 4 × 3 weights and an LSTM of 4·(4·3 + 3·3) weights, at every sample."""

    segment = 1000

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv1d(2, 4, 3, padding=1, bias=False)
        self.lstm = nn.LSTM(4, 3, batch_first=True)

    def estimates(self, mixture: Tensor) -> Tensor:
        features: Tensor = self.lstm(self.network(mixture).transpose(1, 2))[0]
        return features.mean(dim=2)[:, None, None].expand(-1, 2, 2, -1)


def test_multiply_adds_are_those_of_weights_used_at_every_step() -> None:
    with torch.inference_mode():
        found = count_multiply_adds(_Counted().eval(), 2)
    assert found == pytest.approx(1000 * (2 * 4 * 3 + 4 * (4 * 3 + 3 * 3)))


def test_the_command_measures_a_model(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    result = run_python("-m", "components.compare.costs", "--model", str(model), "--out", str(tmp_path / "costs.json"))
    assert result.returncode == 0, result.stderr
    costs = json.loads((tmp_path / "costs.json").read_text())
    assert costs["times_real_time"] > 1
    assert 1e8 < costs["peak_memory_bytes"] < 2e9
    assert costs["size_bytes"] == (model / "weights.safetensors").stat().st_size
