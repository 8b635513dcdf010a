"""OpenVINO, on the processor.

In bf16 it computes the whole graph, also transforms inside a network; docs/decisions/0014-runtimes.md has the cost.
"""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.engines.engine import Run, replace_network
from benchmarks.engines.runtime import EngineOptions, Precision, PreparedSeparator, Runtime
from benchmarks.engines.weight_sizes import files_size
from components.core.base.optional_packages import import_optional
from components.core.models.model_folder import Model
from components.export.onnx.exportable import record_network_inputs
from components.export.onnx.onnx_export import EXTRA, export_once, silence_exporter

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
"""The precision of the operations that the file does not quantise; for int8 the file holds 8-bit operations."""

_KEPT = (
    "MatMul", "Multiply", "Add", "Subtract", "Divide", "Power", "Sqrt", "Log", "ReduceSum", "ReduceMean", "Concat",
)  # fmt: skip
"""Operations that int8 does not change.

Levels of spectra span decades: rounding them before the network costs 2.6 dB. OpenVINO 2026.4 cannot compile
8-bit products across frequency before a batch norm over channels.
"""


def prepare(model: Model, precision: Precision, options: EngineOptions) -> PreparedSeparator:
    """Export the network, quantise it for int8, and compile it."""
    package = import_optional("openvino", "openvino", "OpenVINO", EXTRA)
    path = export_once(model, options.folder)
    files: tuple[Path, ...] = (path,)
    if precision == "int8":
        files = quantise(path, record_network_inputs(model.separator, options.calibration))
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision], "INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # with pinning, all processes of a machine choose the same cores
    }  # fmt: skip
    compiled = package.Core().compile_model(str(files[0]), "CPU", settings)
    return PreparedSeparator(replace_network(model.separator, _run(compiled)), files_size(*files))


def quantise(path: Path, inputs: Sequence[Tensor]) -> tuple[Path, ...]:
    """Write the network in `path` with 8-bit weights and activations beside it; return OpenVINO's two files.

    NNCF takes the ranges from `inputs`. Only convolutions become whole numbers (`_KEPT` explains why).
    """
    openvino = import_optional("openvino", "openvino", "OpenVINO", EXTRA)
    nncf = import_optional("nncf", "nncf", "8 bits in OpenVINO", EXTRA)
    ignored = nncf.IgnoredScope(types=list(_KEPT), validate=False)
    with silence_exporter():
        network = openvino.Core().read_model(str(path))
        data = nncf.Dataset([tensor.numpy() for tensor in inputs])
        found = nncf.quantize(network, data, subset_size=len(inputs), ignored_scope=ignored)
    out = (path.with_name("network-int8.xml"), path.with_name("network-int8.bin"))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        openvino.save_model(found, str(Path(folder) / out[0].name), compress_to_fp16=False)
        for file in reversed(out):  # the .xml file last: when it exists, the .bin file exists too
            (Path(folder) / file.name).replace(file)
    return out


def _run(compiled: Any) -> Run:
    """Return a function that runs a compiled network; each thread has one request, since threads cannot share it."""
    own = threading.local()

    def run(image: Any) -> Any:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        return own.request.infer([image])[compiled.output(0)].copy()

    return run


RUNTIME = Runtime("OpenVINO", ("fp32", "bf16", "int8"), prepare)
