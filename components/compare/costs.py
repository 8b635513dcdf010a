"""`python -m components.compare.costs --model FOLDER --out FILE`: what a system costs, measured on this machine.

Written are weights, multiply-adds a second of audio, speed as a multiple of real time (as trained, in torch eager and
fp32, and as `stemline separate` does it), peak memory of separating, and the size of the weights in bytes.
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from components.core.bundle import Model, load_model
from components.core.entry import run_step
from components.core.files import write_json
from components.core.inference import best_precision, for_inference
from components.core.networks.separator import Separator
from components.core.provenance import hardware
from components.core.segments import separate_all

_LONGEST = 20.0  # seconds of music that are separated
_PATIENCE = 4.0  # seconds of computing for a measurement, about


def main() -> None:
    """Parse the command line, measure and write."""
    parser = argparse.ArgumentParser(prog="python -m components.compare.costs", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    arguments = parser.parse_args()
    run_step(lambda: write_json(arguments.out, costs_of(load_model(arguments.model), arguments.model)))


def costs_of(model: Model, folder: Path) -> dict[str, Any]:
    """Return what costs.json holds."""
    separator = model.separator
    precision = best_precision()
    with torch.inference_mode():
        multiply_adds = count_multiply_adds(separator, model.channels) * model.rate / separator.segment
        plain = _times_real_time(separator, model)
        fast = _times_real_time(for_inference(separator, precision), model)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "weights": sum(value.numel() for value in separator.state_dict().values()),
        "multiply_adds_a_second": multiply_adds,
        "times_real_time": plain,
        "times_real_time_fast": fast,
        "fast_precision": precision,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        "size_bytes": (folder / "weights.safetensors").stat().st_size,
        "machine": hardware(),
    }


def count_multiply_adds(separator: Separator, channels: int) -> float:
    """Return the multiply-adds of separating a segment: of convolutions, products and LSTMs, not of transforms."""
    counted = [0.0]

    def count_lstm(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: Any) -> None:
        assert isinstance(module, nn.LSTM)
        steps = inputs[0].numel() / inputs[0].shape[-1]
        counted[0] += steps * sum(value.numel() for name, value in module.named_parameters() if "weight" in name)

    lstms = [module for module in separator.modules() if isinstance(module, nn.LSTM)]
    hooks = [module.register_forward_hook(count_lstm) for module in lstms]
    try:
        with FlopCounterMode(display=False) as counter:
            separator(torch.zeros(1, channels, separator.segment))
    finally:
        for hook in hooks:
            hook.remove()
    return float(counter.get_total_flops()) / 2 + counted[0]


def _times_real_time(separator: Separator, model: Model) -> float:
    """Return seconds of noise separated a second, overlap included; the first segment, to warm up, does not count."""
    random = np.random.default_rng(7)
    one = random.standard_normal((model.channels, separator.segment)).astype(np.float32)
    separate_all(separator, one)
    started = time.perf_counter()
    separate_all(separator, one)
    a_segment = time.perf_counter() - started
    count = max(1, round(min(_PATIENCE / a_segment, _LONGEST * model.rate / separator.segment)))
    mixture = random.standard_normal((model.channels, count * separator.segment)).astype(np.float32)
    started = time.perf_counter()
    separate_all(separator, mixture)
    return float(mixture.shape[1]) / model.rate / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
