"""The network compiled by torch; the first segment takes minutes."""

from copy import deepcopy

import torch

from components.core.autocast import Autocast
from components.core.bundle import Model
from components.core.runtimes.runtime import Means, Precision, Prepared, Runtime
from components.core.runtimes.sizes import state_size


def prepare(model: Model, precision: Precision, means: Means) -> Prepared:
    """Return a copy whose network compiles itself when it is first called."""
    separator = deepcopy(model.separator).eval()
    size = state_size(separator)
    if precision == "bf16":
        separator.network = Autocast(separator.network, torch.bfloat16)
    separator.network.compile()
    return Prepared(separator, size)


RUNTIME = Runtime("torch, compiled", ("fp32", "bf16"), prepare)
