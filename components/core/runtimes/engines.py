"""ONNX files run by other engines, as networks that a separator can have in place of its own."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import singledispatch
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from components.core.extras import imported
from components.core.networks.separator import Separator
from components.core.networks.spectrogram import ComplexMaskSeparator

_EXTRA = "runtimes"


class EngineNetwork(nn.Module):
    """A network that an engine runs: `run` takes and gives NumPy arrays of the shapes that it was exported for."""

    def __init__(self, run: Callable[[Any], Any]) -> None:
        super().__init__()
        self._run = run

    def forward(self, image: Tensor) -> Tensor:
        """Hand `image` to the engine."""
        return torch.from_numpy(self._run(image.contiguous().numpy()))


def onnx_runtime(path: Path, threads: int, precision: str = "fp32") -> EngineNetwork:
    """Return the ONNX file run by ONNX Runtime on the processor; it computes in the precision that the file has."""
    package = imported("onnxruntime", "onnxruntime", "ONNX Runtime", _EXTRA)
    options = package.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = package.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return EngineNetwork(lambda image: session.run(None, {name: image})[0])


def openvino(path: Path, threads: int, precision: str = "fp32") -> EngineNetwork:
    """Return the ONNX file run by OpenVINO on the processor, in fp32 or bf16 wherever the file says nothing else."""
    package = imported("openvino", "openvino", "OpenVINO", _EXTRA)
    hint = {"fp32": "f32", "bf16": "bf16"}[precision]
    settings = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
    compiled = package.Core().compile_model(str(path), "CPU", settings)
    request = compiled.create_infer_request()
    return EngineNetwork(lambda image: request.infer([image])[compiled.output(0)].copy())


ENGINES: Mapping[str, Callable[[Path, int, str], EngineNetwork]] = {
    "ONNX Runtime": onnx_runtime,
    "OpenVINO": openvino,
}
"""Name to what runs an ONNX file: `(path, threads, precision)`."""


def with_network(separator: Separator, network: EngineNetwork) -> Separator:
    """Return a copy of `separator` with an engine's network in place of its own; one segment at a time."""
    copied = deepcopy(separator).eval()
    copied.network = _bordered(separator, network)
    return copied


@singledispatch
def _bordered(separator: Separator, network: EngineNetwork) -> nn.Module:
    return network


@_bordered.register
def _(separator: ComplexMaskSeparator, network: EngineNetwork) -> nn.Module:
    return _ComplexBorder(network)


class _ComplexBorder(nn.Module):
    """Complex spectra and masks around a network that has their parts in a last axis of two."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, spectrum: Tensor) -> Tensor:
        return torch.view_as_complex(self.network(torch.view_as_real(spectrum.contiguous())).contiguous())
