"""OpenVINO, on the processor.

bf16 is of the whole graph, transforms inside a network too: what that costs says decision 14.
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
from components.export.onnx.onnx_file import EXTRA, exported_once, quietly

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
"""In what is computed wherever the file says nothing else; whole numbers stand in the file."""

_KEPT = (
    "MatMul", "Multiply", "Add", "Subtract", "Divide", "Power", "Sqrt", "Log", "ReduceSum", "ReduceMean", "Concat",
)  # fmt: skip
"""What stays as it is in int8.

Levels of spectra span decades: rounded on their way into the network they cost 2.6 dB. And whole-number products across
frequency, with a batch norm over channels after them, are more than OpenVINO 2026.4 compiles.
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

    By NNCF, from the ranges of `inputs`. Whole numbers for convolutions alone (`_KEPT` says why).
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
        for file in reversed(out):  # the description last: with it both are there
            (Path(folder) / file.name).replace(file)
    return out


def _run(compiled: Any) -> Run:
    """Return what runs a compiled network; each thread has a request of its own, since one cannot be shared."""
    own = threading.local()

    def run(image: Any) -> Any:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        return own.request.infer([image])[compiled.output(0)].copy()

    return run


RUNTIME = Runtime("OpenVINO", ("fp32", "bf16", "int8"), prepare)
