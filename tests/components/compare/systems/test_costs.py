"""The costs of a system, compared with counts by hand."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from components.compare.systems import costs as costs_module
from components.compare.systems.costs import times_real_time
from components.compare.systems.multiply_adds import count_multiply_adds
from components.core.data.comparison_documents import Costs
from components.core.models.model_folder import Model, load_model
from components.core.networks.architectures.unet import UNetConfig
from components.core.networks.base.separator import Separator
from components.core.separating.postprocessing_config import OVERLAP
from tests.support.tiny_models import run_python, save_tiny_model


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


@pytest.mark.slow
def test_multiply_adds_count_each_weight_at_every_step() -> None:
    assert count_multiply_adds(_Counted().eval(), 2) == pytest.approx(1000 * (2 * 4 * 3 + 4 * (4 * 3 + 3 * 3)))


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
def test_multiply_adds_of_an_lstm_do_not_depend_on_its_pieces() -> None:
    with torch.backends.mkldnn.flags(enabled=False):
        assert count_multiply_adds(_Counted().eval(), 2) == pytest.approx(1000 * (2 * 4 * 3 + 4 * (4 * 3 + 3 * 3)))


class _Attending(Separator):
    """A layer of a transformer, whose attention torch may compute with its own fused kernels."""

    segment = 50

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def estimates(self, mixture: Tensor) -> Tensor:
        features: Tensor = self.network(mixture.repeat(1, 4, 1).transpose(1, 2))
        return features.mean(dim=2)[:, None, None].expand(-1, 2, 2, -1)


def test_multiply_adds_of_attention_include_projections_and_products() -> None:
    projections = 50 * (4 * 8 * 8 + 2 * 8 * 16)
    products = 2 * 50 * 50 * 8
    assert count_multiply_adds(_Attending().eval(), 2) == pytest.approx(projections + products)
    assert torch.backends.mha.get_fastpath_enabled()


class _Slow(Separator):
    """Moves the test's clock by two seconds in each forward pass."""

    def __init__(self, segment: int) -> None:
        super().__init__()
        self.segment, self.clock = segment, 0.0

    def estimates(self, mixture: Tensor) -> Tensor:
        self.clock += 2
        return torch.stack([mixture, 0 * mixture], dim=1)


@pytest.mark.parametrize("segment", [1000, 1001, 100_000])
def test_speed_does_not_depend_on_the_length_of_segments(segment: int, monkeypatch: pytest.MonkeyPatch) -> None:
    separator = _Slow(segment)
    monkeypatch.setattr(costs_module, "time", SimpleNamespace(perf_counter=lambda: separator.clock))
    model = Model(separator, UNetConfig(), ("vocals", "accompaniment"), 1000, 2, {}, "")
    speed, seconds = times_real_time(separator, model)
    hop = round((1 - OVERLAP) * segment)
    assert speed == pytest.approx(hop / 1000 / 2)
    assert seconds == pytest.approx(2 * hop / 1000)


@pytest.mark.slow
def test_command_measures_a_model(tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model")
    result = run_python("-m", "components.compare.systems.costs", "--model", str(model), "--out", str(tmp_path))
    assert result.returncode == 0, result.stderr
    costs = Costs.read(tmp_path)
    assert costs.weights == sum(value.numel() for value in load_model(model).separator.parameters())
    assert costs.times_real_time > 1
    assert costs.times_real_time_fast > 1
    assert costs.seconds <= 21
    assert 1e8 < costs.peak_memory_bytes < 2e9
    assert costs.size_bytes == (model / "weights.safetensors").stat().st_size
