"""The network as it was trained, in torch."""

from copy import deepcopy

import torch

from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from benchmarks.engines.weight_sizes import state_size
from components.core.models.model_folder import Model
from components.core.separating.precision import Autocast


def prepare(model: Model, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Return the separator of the model; in bf16 a copy of it."""
    size = state_size(model.separator)
    if precision == "fp32":
        return PreparedSeparator(model.separator, size)
    separator = deepcopy(model.separator).eval()
    separator.network = Autocast(separator.network, torch.bfloat16)
    return PreparedSeparator(separator, size)


RUNTIME = Runtime("torch", ("fp32", "bf16"), prepare)
