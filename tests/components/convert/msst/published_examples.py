"""The examples that the package `msst` computed (benchmarks/msst_examples.py makes them)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor

from components.convert.msst.training_config import read_training_config

FOLDER = Path(__file__).parent / "examples"


@dataclass(frozen=True)
class Example:
    """Weights, a mixture `(1, 2, samples)`, and the package's stems `(1, stems, 2, samples)`."""

    config: Path
    weights: dict[str, Tensor]
    mixture: Tensor
    stems: Tensor


def load_example(name: str) -> Example:
    """Return the example in the folder `name`."""
    tensors = load_file(FOLDER / name / "example.safetensors")
    weights = {key.removeprefix("weights."): value for key, value in tensors.items() if key.startswith("weights.")}
    mixture, stems = tensors["mixture"], tensors["stems"]
    return Example(FOLDER / name / "config.yaml", weights, mixture, stems.reshape(1, -1, 2, mixture.shape[-1]))


def write_sources(folder: Path, example: Example, **changes: dict[str, Any]) -> tuple[str, str]:
    """Write the example's YAML file with `changes` by section, and its weights; return the two paths."""
    values: dict[str, Any] = dict(read_training_config(example.config).values)
    for section, change in changes.items():
        values[section] = values.get(section, {}) | change
    (folder / "changed.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    torch.save(example.weights, folder / "weights.ckpt")
    return str(folder / "changed.yaml"), str(folder / "weights.ckpt")
