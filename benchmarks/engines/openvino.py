"""OpenVINO, on the processor.

It computes the whole graph in bf16, also transforms inside a network; docs/decisions/0014-runtimes.md has the cost.
"""

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.engines.engine import Run, with_engine
from benchmarks.engines.runtime import EngineOptions, Precision, Prepared, Runtime
from benchmarks.engines.weight_sizes import files_size
from components.core.base.optional_packages import import_optional
from components.core.models.bundle import Model
from components.export.onnx.exportable import network_inputs
from components.export.onnx.onnx_export import EXTRA, exported_once, quietly

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
"""The precision of operations for which the file names none; the file holds the whole numbers of int8."""

_KEPT = (
    "MatMul", "Multiply", "Add", "Subtract", "Divide", "Power", "Sqrt", "Log", "ReduceSum", "ReduceMean", "Concat",
)  # fmt: skip
"""Operations that int8 does not change.

Levels of spectra span decades: rounding them before the network costs 2.6 dB. And OpenVINO 2026.4 cannot compile
whole-number products across frequency with a batch norm over channels after them.
"""


def prepare(model: Model, precision: Precision, options: EngineOptions) -> Prepared:
    """Export the network, quantise it for int8, and compile it."""
    package = import_optional("openvino", "openvino", "OpenVINO", EXTRA)
    path = exported_once(model, options.folder)
    files: tuple[Path, ...] = (path,)
    if precision == "int8":
        files = quantised(path, network_inputs(model.separator, options.calibration))
    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision], "INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,  # else all processes of a machine choose the same cores
    }  # fmt: skip
    compiled = package.Core().compile_model(str(files[0]), "CPU", settings)
    return Prepared(with_engine(model.separator, _run(compiled)), files_size(*files))


def quantised(path: Path, inputs: Sequence[Tensor]) -> tuple[Path, ...]:
    """Write the network in `path` with 8-bit weights and activations beside it; return OpenVINO's two files.

    NNCF does it, with ranges from `inputs`. Only convolutions become whole numbers (`_KEPT` explains why).
    """
    openvino = import_optional("openvino", "openvino", "OpenVINO", EXTRA)
    nncf = import_optional("nncf", "nncf", "8 bits in OpenVINO", EXTRA)
    left_out = nncf.IgnoredScope(types=list(_KEPT), validate=False)
    with quietly():
        network = openvino.Core().read_model(str(path))
        data = nncf.Dataset([one.numpy() for one in inputs])
        found = nncf.quantize(network, data, subset_size=len(inputs), ignored_scope=left_out)
    out = (path.with_name("network-int8.xml"), path.with_name("network-int8.bin"))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        openvino.save_model(found, str(Path(folder) / out[0].name), compress_to_fp16=False)
        for file in reversed(out):  # the description last: once it exists both files do
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
