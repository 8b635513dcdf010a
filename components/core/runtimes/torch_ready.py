"""The copy of the network that `separate` computes with (`components.core.inference`)."""

from typing import cast

from components.core import inference
from components.core.bundle import Model
from components.core.runtimes.runtime import Means, Precision, Prepared, Runtime
from components.core.runtimes.sizes import state_size


def prepare(model: Model, precision: Precision, means: Means) -> Prepared:
    """Return the copy."""
    separator = inference.for_inference(model.separator, cast(inference.Precision, precision))
    return Prepared(separator, state_size(separator.network))


RUNTIME = Runtime("torch, made ready", ("fp32", "bf16"), prepare)
