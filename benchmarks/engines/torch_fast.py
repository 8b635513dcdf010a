"""The copy of the network that `separate` computes with (`components.core.separating.fast`)."""

from typing import cast

from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from benchmarks.engines.weight_sizes import state_size
from components.core.models.model_folder import Model
from components.core.separating import fast


def prepare(model: Model, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Return the fast copy of the separator."""
    separator = fast.for_inference(model.separator, cast(fast.Precision, precision))
    return PreparedSeparator(separator, state_size(separator.network))


RUNTIME = Runtime("torch, fast copy", ("fp32", "bf16"), prepare)
