"""The network compiled by torch; the first segment takes minutes."""

from copy import deepcopy

import torch

from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from benchmarks.engines.weight_sizes import state_size
from components.core.models.model_folder import Model
from components.core.separating.precision import Autocast


def prepare(model: Model, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Return a copy whose network compiles itself at its first call."""
    separator = deepcopy(model.separator).eval()
    size = state_size(separator)
    if precision == "bf16":
        separator.network = Autocast(separator.network, torch.bfloat16)
    separator.network.compile()
    return PreparedSeparator(separator, size)


RUNTIME = Runtime("torch, compiled", ("fp32", "bf16"), prepare)
