"""Any ONNX file as an architecture: a network that somebody else has trained.

The file itself is the weights: its bytes are a buffer of the separator, so that it lies in weights.safetensors with a
checksum like any other. It is run by ONNX Runtime on one thread; torch cannot train it.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from components.core.errors import UserError
from components.core.extras import imported
from components.core.networks.architecture import Architecture
from components.core.networks.separator import Separator
from components.core.networks.waveform import WaveformSeparator
from components.core.params import Section


class OnnxConfig(Section):
    """`size` bytes of a file that turns `(1, channels, segment)` samples into `(1, stems, channels, segment)`."""

    name: Literal["onnx"] = "onnx"
    size: int = Field(gt=0)
    segment: int = Field(gt=0)


class OnnxNetwork(nn.Module):
    """Runs the file in `data`, one mixture after the other."""

    data: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("data", torch.zeros(size, dtype=torch.uint8))
        self._session: Any = None

    def forward(self, mixture: Tensor) -> Tensor:
        """`(batch, channels, segment)` to `(batch, stems, channels, segment)`."""
        if self.training:
            raise UserError("an ONNX model cannot be trained: choose another network in train.network")
        if self._session is None:
            self._session = self._opened()
        name = self._session.get_inputs()[0].name
        stems = [self._session.run(None, {name: one[None].numpy()})[0] for one in mixture.float()]
        return torch.from_numpy(np.concatenate(stems))

    def _opened(self) -> Any:
        package = imported("onnxruntime", "onnxruntime", "an ONNX model", "runtimes")
        options = package.SessionOptions()
        options.intra_op_num_threads = 1  # the same bits on any machine; `separate` has a worker a core
        options.log_severity_level = 3
        try:
            return package.InferenceSession(self.data.numpy().tobytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise UserError(f"the ONNX model does not open: {str(error).splitlines()[0]}") from None

    def __deepcopy__(self, memo: dict[int, Any]) -> "OnnxNetwork":
        copied = OnnxNetwork(len(self.data))
        copied.data = self.data  # never written to
        return copied.train(self.training)


class OnnxSeparator(WaveformSeparator):
    """The file around segments of its own length."""

    def length(self, samples: int) -> int:
        """Return the one length that the file takes."""
        if samples > self.segment:
            raise UserError(f"an ONNX model of {self.segment} samples was given {samples}: separate by segments")
        return self.segment


def build_onnx(config: OnnxConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; the file comes with the weights."""
    return OnnxSeparator(OnnxNetwork(config.size), config.segment)


ARCHITECTURE = Architecture(
    title="ONNX file",
    family="waveform",
    source="whoever trained it",
    config=OnnxConfig,
    build=build_onnx,
    packages=("onnxruntime",),
    trainable=False,
)
