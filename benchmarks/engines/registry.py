"""All runtimes by name."""

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.engines import onnx_runtime, openvino, torch_compiled, torch_eager, torch_fast
from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from components.core.base.errors import UserError
from components.core.models.model_folder import Model
from components.core.networks.base.separator import ResidualSeparator

RUNTIMES: Mapping[str, Runtime] = {
    "torch": torch_eager.RUNTIME,
    "torch-fast": torch_fast.RUNTIME,
    "torch-compiled": torch_compiled.RUNTIME,
    "onnxruntime": onnx_runtime.RUNTIME,
    "openvino": openvino.RUNTIME,
}
"""The first runtime is the base of the comparison."""


def prepare_separator(model: Model, runtime: str, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Return the model's separator whose network `runtime` runs; the model stays unchanged.

    torch computes the remainder of the mixture for a network of one stem.

    Raises UserError when the runtime or the precision does not exist, or the runtime cannot run the network.
    """
    if runtime not in RUNTIMES:
        raise UserError(f"there is no runtime {runtime}: choose one of {', '.join(RUNTIMES)}")
    found = RUNTIMES[runtime]
    if precision not in found.precisions:
        raise UserError(f"{found.title} computes in {', '.join(found.precisions)}, not in {precision}")
    if precision == "int8" and not options.calibration:
        raise UserError(f"{found.title}: int8 needs music for its calibration: give some in `calibration`")
    if not isinstance(model.separator, ResidualSeparator):
        return found.prepare(model, precision, options)
    of_one_stem = replace(model, separator=model.separator.network, targets=model.targets[:1])
    prepared = found.prepare(of_one_stem, precision, options)
    return replace(prepared, separator=ResidualSeparator(prepared.separator).eval())
