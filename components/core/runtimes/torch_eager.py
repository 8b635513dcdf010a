"""The network as it was trained, in torch."""

from components.core.bundle import Model
from components.core.runtimes.runtime import Means, Precision, Prepared, Runtime
from components.core.runtimes.sizes import state_size


def prepare(model: Model, precision: Precision, means: Means) -> Prepared:
    """Return the model's own separator."""
    return Prepared(model.separator, state_size(model.separator))


RUNTIME = Runtime("torch", ("fp32",), prepare)
