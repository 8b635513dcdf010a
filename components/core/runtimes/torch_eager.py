"""The network as it was trained, in torch."""

from copy import deepcopy

import torch

from components.core.autocast import Autocast
from components.core.bundle import Model
from components.core.runtimes.runtime import Means, Precision, Prepared, Runtime
from components.core.runtimes.sizes import state_size


def prepare(model: Model, precision: Precision, means: Means) -> Prepared:
    """Return the model's own separator, or in bfloat16 a copy."""
    size = state_size(model.separator)
    if precision == "fp32":
        return Prepared(model.separator, size)
    separator = deepcopy(model.separator).eval()
    separator.network = Autocast(separator.network, torch.bfloat16)
    return Prepared(separator, size)


RUNTIME = Runtime("torch", ("fp32", "bf16"), prepare)
