"""The network as it was trained, in torch."""

from copy import deepcopy

import torch

from benchmarks.engines.runtime import EngineOptions, Precision, Prepared, Runtime
from benchmarks.engines.weight_sizes import state_size
from components.core.models.bundle import Model
from components.core.separating.precision import Autocast


def prepare(model: Model, precision: Precision, options: EngineOptions) -> Prepared:
    """Return the separator of the model; for bfloat16 a copy."""
    size = state_size(model.separator)
    if precision == "fp32":
        return Prepared(model.separator, size)
    separator = deepcopy(model.separator).eval()
    separator.network = Autocast(separator.network, torch.bfloat16)
    return Prepared(separator, size)


RUNTIME = Runtime("torch", ("fp32", "bf16"), prepare)
