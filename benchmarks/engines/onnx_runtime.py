"""ONNX Runtime, on the processor."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.engines.engine import replace_network
from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from benchmarks.engines.weight_sizes import files_size
from components.core.base.files import whole_file
from components.core.base.optional_packages import import_optional
from components.core.models.model_folder import Model
from components.export.onnx.exportable import record_network_inputs
from components.export.onnx.onnx_export import EXTRA, export_once, open_session, silence_exporter
from components.export.onnx.real_stft import CONSTANTS


def prepare(model: Model, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Export the network, quantise it for int8, and open it."""
    path = export_once(model, options.folder)
    if precision == "int8":
        path = quantise(path, record_network_inputs(model.separator, options.calibration))
    running = open_session(path, options.threads)
    name = running.get_inputs()[0].name
    return PreparedSeparator(
        replace_network(model.separator, lambda image: running.run(None, {name: image})[0]), files_size(path)
    )


def quantise(path: Path, inputs: Sequence[Tensor]) -> Path:
    """Write the network in `path` with 8-bit weights and activations beside it, and return the path of the copy.

    Static quantisation with ranges from `inputs` (weights have a range for each channel). Only convolutions and matrix
    products become whole numbers; everything else, also Fourier transforms, stays in float32.
    """
    onnx = import_optional("onnx", "onnx", "quantising", EXTRA)
    package = import_optional("onnxruntime.quantization", "onnxruntime", "quantising", EXTRA)
    out = path.with_name("network-int8.onnx")
    with tempfile.TemporaryDirectory() as folder, whole_file(out) as partial, silence_exporter():
        prepared = Path(folder) / "prepared.onnx"
        package.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        package.quantize_static(
            str(prepared), str(partial), _make_reader(package, open_session(path, 1).get_inputs()[0].name, inputs),
            quant_format=package.QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "ConvTranspose", "MatMul", "Gemm"],
            nodes_to_exclude=_fourier_nodes(onnx.load(str(prepared))),
        )  # fmt: skip
    return out


def _fourier_nodes(model: Any) -> list[str]:
    """Return the names of the nodes that multiply by constants of a `RealFourier`."""
    return [node.name for node in model.graph.node if any(CONSTANTS in name for name in node.input)]


def _make_reader(package: Any, name: str, inputs: Sequence[Tensor]) -> Any:
    """Return `inputs` as a reader of the package. The class is defined here, since its base may not be installed."""
    left = iter(inputs)

    class Reader(package.CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, Any] | None:
            given = next(left, None)
            return None if given is None else {name: given.numpy()}

    return Reader()


RUNTIME = Runtime("ONNX Runtime", ("fp32", "int8"), prepare)
