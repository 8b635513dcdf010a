"""The speed of the training engine: `python -m benchmarks.training_step [--network tdf_unet] [--compile]`

Compares three methods to train one network on one batch with one loss, in turns, in one process:

    plain       torch with its defaults: eager, fp32, contiguous memory, AdamW
    plain bf16  the same under bf16 autocast
    engine      the step of `components.train`: bf16 autocast, channels_last, fused AdamW, EMA, clipping (with
                --compile also torch.compile)

The plain methods neither clip nor average, so the engine does more work. Prints for each method the median seconds of a
step, the seconds of audio per second, FLOP/s, and their share of the peak. The peak is the rate of large matrix
products in the same precision.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.train.loop import TrainingPass
from components.train.losses import LOSSES
from components.train.throughput import crop_flops, peak_flops

RATE = 44100
Step = Callable[[Tensor], None]


def main() -> None:
    """Print a line for each method, with its speed relative to `plain`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=sorted(ARCHITECTURES), default="tdf_unet")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop-seconds", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    samples = round(arguments.crop_seconds * RATE)
    stems = (torch.randn(arguments.batch, 2, 2, samples) * 0.1).to(device)
    methods = {
        "plain": _plain_step(_build_network(arguments.network, device), torch.float32),
        "plain bf16": _plain_step(_build_network(arguments.network, device), torch.bfloat16),
        "engine": _engine_step(_build_network(arguments.network, device), arguments.compile),
    }
    medians = _measure_medians(methods, stems, arguments.rounds)
    flops = arguments.batch * crop_flops(_build_network(arguments.network, device), 2, samples)
    print(f"{arguments.network}, {arguments.batch} crops of {arguments.crop_seconds:g} s, {device}, ", end="")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}, {flops / 1e9:.0f} GFLOP a step")
    print(f"{'':12}{'s a step':>9}{'audio s/s':>11}{'GFLOP/s':>9}{'of peak':>9}{'against plain':>15}")
    for name, seconds in medians.items():
        peak = peak_flops(device, torch.float32 if name == "plain" else torch.bfloat16)
        audio = arguments.batch * arguments.crop_seconds / seconds
        print(f"{name:12}{seconds:9.3f}{audio:11.1f}{flops / seconds / 1e9:9.0f}", end="")
        print(f"{flops / seconds / peak:9.0%}{medians['plain'] / seconds:14.2f}x")


def _build_network(name: str, device: torch.device) -> Separator:
    torch.manual_seed(0)
    return build_separator(parse_network({"name": name}), 2, 2).to(device)


def _plain_step(separator: Separator, dtype: torch.dtype) -> Step:
    optimizer = torch.optim.AdamW(separator.parameters())

    def step(stems: Tensor) -> None:
        optimizer.zero_grad()
        with torch.autocast(stems.device.type, dtype, enabled=dtype != torch.float32):
            estimates = separator.estimates(stems.sum(dim=1))
        LOSSES["waveform"](estimates, stems).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def _engine_step(separator: Separator, compiled: bool) -> Step:
    separator = separator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(separator.parameters(), fused=True)
    average_step = get_ema_multi_avg_fn(0.999)  # type: ignore[no-untyped-call]
    average = AveragedModel(separator, multi_avg_fn=average_step, use_buffers=True)
    if compiled:
        separator.network.compile()
    training_pass = TrainingPass(separator, LOSSES["waveform"], "bf16")

    def step(stems: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        training_pass(stems).backward()
        nn.utils.clip_grad_norm_(separator.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(separator)

    return step


def _measure_medians(methods: dict[str, Step], stems: Tensor, rounds: int) -> dict[str, float]:
    """Return the median seconds of a step by method. A round runs each once, so other programs slow all alike."""
    for step in methods.values():
        step(stems)
    times: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(rounds):
        for name, step in methods.items():
            times[name].append(_time_step(step, stems))
    return {name: statistics.median(values) for name, values in times.items()}


def _time_step(step: Step, stems: Tensor) -> float:
    started = time.perf_counter()
    step(stems)
    if stems.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
