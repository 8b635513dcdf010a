"""ONNX files as an architecture: a network that others have trained, or that was exported here.

The file itself is the weights: its bytes are a buffer of the separator, so weights.safetensors holds it with a checksum
like any other weights. ONNX Runtime runs it, with one thread for each segment; torch cannot train it.
"""

import threading
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional
from components.core.base.params import Section
from components.core.networks.architectures.onnx import (
    ComplexMaskInterface,
    MaskInterface,
    OnnxConfig,
    SpectrumInterface,
    WaveformInterface,
)
from components.core.networks.base.option_names import LevelName
from components.core.networks.base.separator import Separator
from components.core.networks.base.spectral_network import SpectralNetwork, SpectralSeparator
from components.core.networks.base.spectrogram import ComplexMaskSeparator, MaskSeparator
from components.core.networks.base.waveform import WaveformSeparator


class OnnxNetwork(nn.Module):
    """Runs the file in `data` on pieces of its input: each has `length` samples or frames on the last axis.

    Each piece is `context` longer and overlaps the next one by this much. Several threads may call it at once. In
    training mode it raises UserError.
    """

    data: Tensor

    def __init__(self, size: int, length: int, context: int = 0) -> None:
        super().__init__()
        self.length, self.context = length, context
        self.register_buffer("data", torch.zeros(size, dtype=torch.uint8))
        self._opening = threading.Lock()
        self._session: Any = None

    def forward(self, images: Tensor) -> Tensor:
        """Turn `(batch, channels, …, n + context)` into `(batch, stems, channels, …, n)`, piece by piece."""
        if self.training:
            raise UserError("an ONNX model cannot be trained: choose another network in train.network")
        total = images.shape[-1] - self.context
        filled = nn.functional.pad(images.detach().cpu().float(), (0, -total % self.length))
        pieces = filled.unfold(-1, self.length + self.context, self.length).unbind(-2)
        return torch.cat([self._run_batch(piece) for piece in pieces], dim=-1)[..., :total].to(images.device)

    def _run_batch(self, piece: Tensor) -> Tensor:
        session = self._get_session()
        name = session.get_inputs()[0].name
        results = [session.run(None, {name: one[None].contiguous().numpy()})[0] for one in piece]
        return torch.cat([torch.from_numpy(result) for result in results])

    def _get_session(self) -> Any:
        with self._opening:
            if self._session is None:
                self._session = _open_session(self.data)
            return self._session

    def __deepcopy__(self, memo: dict[int, Any]) -> "OnnxNetwork":
        copied = type(self)(0, self.length, self.context)
        copied.data = self.data  # never written to
        return copied.train(self.training)


class ComplexOnnxNetwork(OnnxNetwork):
    """The same for complex spectra and masks; their last axis is the frames."""

    def forward(self, images: Tensor) -> Tensor:
        """Turn `(batch, channels, bins, n)` complex64 into `(batch, stems, channels, bins, n)` complex64."""
        masks = super().forward(torch.view_as_real(images).movedim(-1, -2))
        return torch.view_as_complex(masks.movedim(-2, -1).contiguous())

    def _run_batch(self, piece: Tensor) -> Tensor:
        return super()._run_batch(piece.movedim(-2, -1)).movedim(-1, -2)


def _open_session(data: Tensor) -> Any:
    package = import_optional("onnxruntime", "onnxruntime", "an ONNX model", "runtimes")
    options = package.SessionOptions()
    # gives the same bits on any number of cores; `separate` runs a thread on each core itself
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return package.InferenceSession(data.cpu().numpy().tobytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # the package's exceptions have no common class
        raise UserError(f"the ONNX model does not open: {str(error).splitlines()[0]}") from None


class OnnxSeparator(WaveformSeparator):
    """A file from samples to stems, on whole segments of its length."""

    def __init__(self, network: OnnxNetwork, segment: int, level: LevelName) -> None:
        super().__init__(network, segment, level)
        self.context = network.context

    def padded_length(self, samples: int) -> int:
        """Return a whole number of segments."""
        return -(-samples // self.segment) * self.segment

    def run_network(self, mixture: Tensor) -> Tensor:
        """Pad with silence to whole segments and for the context at both ends; cut the padding off again."""
        samples, context = mixture.shape[-1], self.context
        missing = self.padded_length(samples) - samples
        before = missing // 2
        sides = (before + context // 2, missing - before + context - context // 2)
        stems: Tensor = self.network(nn.functional.pad(mixture, sides))
        return stems[..., before : before + samples]


class OnnxMaskSeparator(MaskSeparator):
    """A file from magnitudes to masks between an STFT and its inverse."""


class OnnxComplexMaskSeparator(ComplexMaskSeparator):
    """A file from complex spectra to complex masks between an STFT and its inverse."""


_SILENT_BINS = 3  # the lowest ones, as the programs of MDX-Net's authors do


class OnnxSpectrumNetwork(SpectralNetwork):
    """A file from the spectrum of the mixture to that of one stem, between an STFT and its inverse (MDX-Net)."""

    def __init__(self, interface: SpectrumInterface, size: int) -> None:
        super().__init__(interface.stft)
        self.file = OnnxNetwork(size, interface.frames)
        self.bins, self.gain = interface.bins, interface.gain
        self.share_above = 1.0 if interface.above == "stem" else 0.0

    def estimate_spectra(self, spectrum: Tensor) -> Tensor:
        """Return the spectrum of the stem; above the bins of the file it is the mixture's, or zero."""
        batch, channels, _, frames, _ = spectrum.shape
        heard = nn.functional.pad(spectrum[:, :, _SILENT_BINS : self.bins], (0, 0, 0, 0, _SILENT_BINS, 0))
        numbers = self.gain * self.file(heard.permute(0, 1, 4, 2, 3).flatten(1, 2))
        stem = numbers.reshape(batch, 1, channels, 2, self.bins, frames).permute(0, 1, 2, 4, 5, 3)
        return torch.cat([stem, self.share_above * spectrum[:, :, self.bins :].unsqueeze(1)], dim=3)


class OnnxSpectrumSeparator(SpectralSeparator):
    """The network on whole pieces of the file's frames."""


def build_onnx(config: OnnxConfig, stems: int, channels: int) -> Separator:
    """Return the separator of `config`; the file comes with the weights."""
    return _build(config.interface, config.size)


@singledispatch
def _build(interface: Section, size: int) -> Separator:
    """Return the separator of a file of `size` bytes with this interface."""
    raise NotImplementedError(type(interface))


@_build.register
def _(interface: WaveformInterface, size: int) -> Separator:
    network = OnnxNetwork(size, interface.segment, interface.context)
    return OnnxSeparator(network, interface.segment, interface.level)


@_build.register
def _(interface: MaskInterface, size: int) -> Separator:
    network = OnnxNetwork(size, interface.frames)
    return OnnxMaskSeparator(network, interface.stft, interface.bins, interface.frames, interface.shares)


@_build.register
def _(interface: ComplexMaskInterface, size: int) -> Separator:
    network = ComplexOnnxNetwork(size, interface.frames)
    return OnnxComplexMaskSeparator(network, interface.stft, interface.bins, interface.frames)


@_build.register
def _(interface: SpectrumInterface, size: int) -> Separator:
    network = OnnxSpectrumNetwork(interface, size)
    separator = OnnxSpectrumSeparator(network, (interface.frames - 1) * interface.stft.hop, interface.frames)
    separator.band = interface.bins / (interface.stft.window // 2 + 1)
    return separator
