"""The operations of a training step, and the measurement of its speed."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.train.throughput import StepClock, StepWork, crop_flops, peak_flops, peak_memory

CPU = torch.device("cpu")
NETWORKS = [
    {"name": "unet", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128},
    {"name": "tdf_unet", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128, "bands": 2},
    {"name": "spleeter", "widths": [4, 8], "stft": {"window": 512, "hop": 128}, "bins": 128},
]


class _Layers(Separator):
    """Any layers on `(batch, channels, samples)`; their output is used for both stems."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.network, self.segment = nn.Sequential(*layers), 64

    def estimates(self, mixture: Tensor) -> Tensor:
        result: Tensor = self.network(mixture)
        return torch.stack([result, result], dim=1)


# floating-point operations


@pytest.mark.parametrize("samples", [32, 100])
def test_operations_of_a_convolution_include_the_gradients(samples: int) -> None:
    """A multiplication and an addition per weight and position, and the same for the gradient of the weights."""
    layer = nn.Conv1d(2, 6, 5, padding=2)
    assert crop_flops(_Layers(layer), 2, samples) == 2 * (2 * samples * 2 * 6 * 5)


def test_operations_of_a_deeper_layer_count_three_times() -> None:
    """It also computes a gradient for the layer before."""
    first, second = nn.Conv1d(2, 4, 3, padding=1), nn.Conv1d(4, 2, 7, padding=3)
    assert crop_flops(_Layers(first, second), 2, 50) == 2 * (2 * 50 * 2 * 4 * 3) + 3 * (2 * 50 * 4 * 2 * 7)


def test_operations_of_a_linear_layer_count_each_product() -> None:
    assert crop_flops(_Layers(nn.Linear(40, 8, bias=False)), 2, 40) == 2 * (2 * 2 * 40 * 8)


def test_norms_and_activations_are_not_counted() -> None:
    bare, dressed = nn.Conv1d(2, 2, 3), nn.Conv1d(2, 2, 3)
    assert crop_flops(_Layers(bare), 2, 64) == crop_flops(_Layers(dressed, nn.BatchNorm1d(2), nn.ReLU()), 2, 64)


@pytest.mark.parametrize("values", NETWORKS)
def test_counting_leaves_the_network_unchanged(values: dict[str, object]) -> None:
    torch.manual_seed(0)
    separator = build_separator(parse_network(values), 2, 2)
    before = {name: value.clone() for name, value in separator.state_dict().items()}
    assert any(name.endswith("running_mean") for name in before)
    assert crop_flops(separator, 2, 8000) > 1e6
    assert separator.training
    assert all(torch.equal(value, before[name]) for name, value in separator.state_dict().items())
    assert all(parameter.grad is None for parameter in separator.parameters())


@pytest.mark.parametrize("values", NETWORKS)
def test_longer_crops_cost_in_proportion(values: dict[str, object]) -> None:
    separator = build_separator(parse_network(values), 2, 2)
    once, twice = (crop_flops(separator, 2, 128 * frames) for frames in (255, 511))
    assert twice == pytest.approx(2 * once, rel=0.02)


# the device


def test_peak_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.train.throughput.MATRIX_SIZE", 128)
    assert peak_flops(CPU, torch.float32) > 1e6
    # the fastest repetition counts: 2 n³ operations in 2 s
    times = [
        t
        for start, took in zip(range(0, 800, 100), (5, 2, 9, 4, 4, 4, 4, 4), strict=True)
        for t in (start, start + took)
    ]
    ticks = iter(times)
    monkeypatch.setattr("components.train.throughput.time.perf_counter", lambda: float(next(ticks)))
    assert peak_flops(CPU, torch.float32) == 2 * 128**3 / 2
    assert next(ticks, None) is None


def test_memory_is_the_peak_of_this_process() -> None:
    before = peak_memory(CPU)
    assert 2**24 < before < 2**40
    held = torch.ones(2**23)  # 32 MiB
    assert held.numel() == 2**23
    assert peak_memory(CPU) >= before


# the clock


class _Time:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> _Time:
    clock = _Time()
    monkeypatch.setattr("components.train.throughput.time.perf_counter", clock)
    return clock


def _slow_batches(now: _Time, count: int, wait: float) -> Iterator[int]:
    for number in range(count):
        now.now += wait
        yield number


def test_clock_counts_steps_and_waiting(now: _Time) -> None:
    clock = StepClock(started=now())
    seen = []
    for batch in clock.watch(_slow_batches(now, 5, 0.5)):
        seen.append(batch)
        now.now += 1.5  # the step itself
    assert seen == [0, 1, 2, 3, 4]
    assert clock.steps == 5
    assert clock.seconds == pytest.approx(10)
    assert clock.waited == pytest.approx(2.5)
    assert clock.waiting_share == pytest.approx(0.25)


def test_clock_counts_a_step_after_its_batch_arrived(now: _Time) -> None:
    clock = StepClock(started=now())
    watched = clock.watch(_slow_batches(now, 3, 1.0))
    assert clock.steps == 0
    for steps in (1, 2):
        next(watched)
        assert clock.steps == steps
    assert clock.waited == pytest.approx(2)


def test_clock_without_steps_reports_nothing(now: _Time) -> None:
    clock = StepClock(started=now())
    assert list(clock.watch(iter(()))) == []
    assert (clock.steps, clock.waited, clock.waiting_share) == (0, 0, 0)


def test_real_clock_advances() -> None:
    clock = StepClock()
    times = [clock.seconds for _ in range(5)]
    assert times[0] >= 0
    assert all(first <= second for first, second in pairwise(times))
    assert times[-1] < 60


def test_row_has_the_speeds(now: _Time) -> None:
    clock = StepClock(started=now(), waited=2.0, steps=20)
    now.now += 10
    row = StepWork(audio_seconds=12.0, flops=3e9, peak=2e10).speed(clock, CPU)
    assert row.pop("memory_gb") == pytest.approx(peak_memory(CPU) / 1e9)
    assert row == pytest.approx(
        {"audio_seconds_a_second": 24.0, "gflops": 6.0, "share_of_peak": 0.3, "share_waiting": 0.2}
    )
