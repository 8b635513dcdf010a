"""Fast copies of separators give the stems of the trained ones, and the same bits every time."""

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.base.separator import Separator
from components.core.networks.building import build_separator
from components.core.separating.fast import Precision, best_precision, for_inference
from components.core.separating.fast.inverse_stft import make_inverse_stft
from components.core.separating.fast.optimised_layers import PhaseConvolution, optimise_layers
from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig
from demo_songs import render_song
from tests.support.tiny_models import ROOT, run_python

STFT = {"window": 512, "hop": 128}
NETWORKS: dict[str, dict[str, object]] = {
    "unet": {"widths": (4, 8, 8), "bins": 100, "frames": 9},
    "spleeter": {"widths": (4, 8, 8), "bins": 128, "frames": 9},
    "spleeter, elu": {"widths": (4, 8, 8), "bins": 128, "frames": 9, "activation": "elu"},
    "spleeter, softmax": {"widths": (4, 8, 8), "bins": 128, "frames": 9, "activation": "elu", "masks": "softmax"},
    "tdf_unet": {"widths": (4, 8, 8), "bins": 128, "bands": 2, "bottleneck": 4, "frames": 9},
    "tdf_unet, bounded": {"widths": (4, 8), "bins": 128, "bands": 2, "frames": 9, "mask": "bounded"},
    "open_unmix": {"hidden": 8, "max_bin": 200, "frames": 9},
}
"""Small networks of the architectures whose fast copies have new layers."""


def _separator(label: str, stems: int = 2, channels: int = 2, seed: int = 0) -> Separator:
    """Return a separator like a trained one: its batch norms change values and signs, and its masks differ."""
    torch.manual_seed(seed)
    values = {"name": label.split(",")[0], "stft": STFT, **NETWORKS[label]}
    separator = build_separator(parse_network(values), stems, channels)
    for module in separator.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.normal_(module.weight, mean=0.8, std=0.5)
            nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.bias, std=0.2)
    return separator.eval()


def _mixture(samples: int, channels: int = 2, batch: int = 1, seed: int = 0) -> Tensor:
    return torch.randn(batch, channels, samples, generator=torch.Generator().manual_seed(seed)) * 0.1


def _snr(reference: Tensor, found: Tensor) -> float:
    return float(10 * torch.log10(reference.square().sum() / (reference - found).square().sum()))


# the same stems


OTHERS = sorted(
    name
    for name, found in ARCHITECTURES.items()
    if found.trainable and name not in {label.split(",")[0] for label in NETWORKS}
)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_fast_copies_of_other_architectures_return_the_same_stems(name: str) -> None:
    torch.manual_seed(0)
    try:
        separator = build_separator(parse_network({"name": name, **ARCHITECTURES[name].small}), 2, 2).eval()
    except UserError as error:
        pytest.skip(str(error))
    mixture = _mixture(16384)
    with torch.inference_mode():
        wanted, found, coarse = (
            made(mixture) for made in (separator, for_inference(separator, "fp32"), for_inference(separator, "bf16"))
        )
    assert (found - wanted).abs().max() < 1e-5
    assert coarse.dtype == torch.float32
    assert 40 < _snr(wanted, coarse) < 110
    assert (coarse.sum(dim=1) - mixture).abs().max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("label", NETWORKS)
@pytest.mark.parametrize(("stems", "channels", "batch"), [(2, 2, 1), (4, 2, 1), (3, 1, 2), (2, 3, 1), (1, 2, 1)])
def test_fp32_stems_differ_by_rounding(label: str, stems: int, channels: int, batch: int) -> None:
    separator, mixture = _separator(label, stems, channels), _mixture(3000, channels, batch)
    fast = for_inference(separator, "fp32")
    with torch.inference_mode():
        wanted, found = separator(mixture), fast(mixture)
        assert found.shape == wanted.shape
        assert found.dtype == torch.float32
        assert (found - wanted).abs().max() < 1e-5
        assert (fast.estimates(mixture) - separator.estimates(mixture)).abs().max() < 1e-5


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    label=st.sampled_from(sorted(NETWORKS)),
    samples=st.integers(1, 4000),
    level=st.sampled_from([0.0, 1e-4, 1.0]),
    seed=st.integers(0, 9),
)
def test_fp32_stems_of_any_mixture_differ_by_rounding(label: str, samples: int, level: float, seed: int) -> None:
    separator, mixture = _separator(label, seed=seed), level * 10 * _mixture(samples, seed=seed)
    with torch.inference_mode():
        wanted, found = separator(mixture), for_inference(separator, "fp32")(mixture)
    assert (found - wanted).abs().max() <= 1e-5 * max(level, 1e-2)


@pytest.mark.parametrize("label", NETWORKS)
@pytest.mark.parametrize("stems", [2, 4])
def test_bf16_stems_differ_by_less_than_minus_40_db(label: str, stems: int) -> None:
    separator, mixture = _separator(label, stems), _mixture(8000)
    fast = for_inference(separator, "bf16")
    with torch.inference_mode():
        wanted, found = separator(mixture), fast(mixture)
        assert found.dtype == torch.float32
        assert all(_snr(*pair) > 40 for pair in zip(wanted[0], found[0], strict=True))
        assert _snr(wanted, found) < 90  # the stems are really computed in bf16
        assert _snr(separator.estimates(mixture), fast.estimates(mixture)) > 40


@pytest.mark.parametrize("label", NETWORKS)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_stems_add_up_to_the_mixture(label: str, precision: Precision) -> None:
    mixture = _mixture(5000)
    with torch.inference_mode():
        stems = for_inference(_separator(label, stems=3), precision)(mixture)
    assert (stems.sum(dim=1) - mixture).abs().max() < 1e-6


@pytest.mark.parametrize("label", NETWORKS)
def test_fast_copy_leaves_the_separator_unchanged(label: str) -> None:
    separator, mixture = _separator(label).train(), _mixture(2000)
    before = {name: value.clone() for name, value in separator.state_dict().items()}
    modules = [type(module) for module in separator.modules()]
    fast = for_inference(separator, "bf16")
    with torch.inference_mode():
        fast(mixture)
    assert separator.training
    assert not any(module.training for module in fast.modules())
    assert all(torch.equal(value, before[name]) for name, value in separator.state_dict().items())
    assert [type(module) for module in separator.modules()] == modules
    assert all(parameter.requires_grad for parameter in separator.parameters())
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    assert (fast.segment, fast.band) == (separator.segment, separator.band)


class _Foreign(Separator):
    """An architecture without a fast copy."""

    segment = 256

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 1))

    def estimates(self, mixture: Tensor) -> Tensor:
        batch, channels, samples = mixture.shape
        images: Tensor = self.network(mixture.reshape(batch, channels, -1, 16))
        return images.float().reshape(batch, 2, channels, samples)


def test_unknown_separator_has_its_batch_norms_folded() -> None:
    separator, mixture = _Foreign().eval(), _mixture(256)
    nn.init.constant_(separator.get_buffer("network.1.running_mean"), 0.3)
    fast = for_inference(separator, "fp32")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fast.modules())
    with torch.inference_mode():
        assert (fast(mixture) - separator(mixture)).abs().max() < 1e-6
        assert _snr(separator(mixture), for_inference(separator, "bf16")(mixture)) > 40


# the same bits


@pytest.mark.parametrize("label", ["unet", "spleeter", "tdf_unet"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_batch_neighbours_change_no_bit(label: str, precision: Precision) -> None:
    fast = for_inference(_separator(label), precision)
    windows = _mixture(1024, batch=4, seed=1)
    others = torch.cat([windows[2:3], torch.zeros(2, 2, 1024), 100 * windows[:1]])
    with torch.inference_mode():
        among, amid = fast(windows), fast(others)
    assert torch.equal(among[2], amid[0])
    assert torch.isfinite(amid).all()


DIGEST = """
import hashlib, torch
from tests.components.core.separating.test_fast import NETWORKS, _mixture, _separator
from components.core.separating.fast import for_inference
torch.set_num_threads(1)
with torch.inference_mode():
    for label in NETWORKS:
        for precision in ("fp32", "bf16"):
            stems = for_inference(_separator(label), precision)(_mixture(4000))
            print(label, precision, hashlib.sha256(stems.numpy().tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_two_processes_return_the_same_bits() -> None:
    """The result is the same when one process has another number of threads in its environment."""
    path = str(ROOT)
    runs = [
        run_python("-c", DIGEST, more={"PYTHONPATH": path, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
        for threads in ("1", "3")
    ]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    assert len(set(runs[0].stdout.split())) > 2 * len(NETWORKS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shipped", "tdf_unet"])
def test_fast_copy_of_a_network_in_full_size_returns_its_stems(name: str) -> None:
    """Kernels of other sizes run other code, so the full size is tested, too: stems, and bits in a batch."""
    separator = _full_size_separator(name)
    windows = _song(separator.segment, batch=3)
    with torch.inference_mode():
        wanted = separator(windows)
        assert (for_inference(separator, "fp32")(windows) - wanted).abs().max() < 1e-5
        fast = for_inference(separator, "bf16")
        found = fast(windows)
        assert _snr(wanted[:, 0], found[:, 0]) > 40
        assert _snr(wanted[:, 1], found[:, 1]) > 40
        assert torch.equal(fast(windows.flip(0)), found.flip(0))


def _song(samples: int, batch: int) -> Tensor:
    """Return the first windows of a synthetic song, `(batch, channels, samples)`."""
    stems = render_song(1, (batch * samples) / 44100 + 1)
    song = torch.from_numpy(np.sum(np.stack(list(stems.values())), axis=0)[:, : batch * samples])
    return song.reshape(2, batch, samples).transpose(0, 1).float().contiguous()


def _full_size_separator(name: str) -> Separator:
    """Return the shipped model's separator, or that of the recipe of this name with random weights."""
    if name == "shipped":
        return load_model(ROOT / "models" / "vocal-isolation").separator
    recipe = yaml.safe_load((ROOT / "benchmarks" / "recipes" / f"{name}.yaml").read_text(encoding="utf-8"))
    torch.manual_seed(0)
    return build_separator(parse_network(recipe["train"]["network"], name), 2, 2).eval()


# parts


@settings(max_examples=30, deadline=None)
@given(stride=st.integers(1, 3), more=st.integers(0, 4), crop=st.integers(0, 4), bias=st.booleans())
def test_phase_convolution_equals_the_transposed_one(stride: int, more: int, crop: int, bias: bool) -> None:
    """For any crop that makes the image `stride` times as large."""
    crop = min(crop, more)
    transposed = nn.ConvTranspose2d(3, 5, stride + more, stride=stride, bias=bias)
    image = torch.randn(2, 3, 4, 6)
    with torch.inference_mode():
        rows, columns = slice(crop, crop + 4 * stride), slice(crop, crop + 6 * stride)
        wanted = transposed(image)[..., rows, columns]
        found = PhaseConvolution(transposed, crop)(image)
    assert found.shape == wanted.shape == (2, 5, 4 * stride, 6 * stride)
    assert (found - wanted).abs().max() < 1e-5


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 4, 3, stride=2),  # neighbours overlap, and edges with them
        nn.ConvTranspose2d(4, 4, 2, stride=2, groups=2),
        nn.ConvTranspose2d(4, 4, 2, stride=2, padding=1),
        nn.ConvTranspose2d(4, 4, (2, 1), stride=(2, 1)),
    ],
)
def test_other_transposed_convolutions_stay_unchanged(layer: nn.ConvTranspose2d) -> None:
    assert optimise_layers(layer) is layer


def test_batch_norm_after_another_layer_stays_unchanged() -> None:
    layers = nn.Sequential(nn.ConvTranspose2d(2, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.BatchNorm2d(2)).eval()
    image = torch.randn(1, 2, 5, 5)
    for number in (1, 3):
        nn.init.constant_(layers.get_buffer(f"{number}.running_mean"), 0.4)
    wanted = layers(image)
    found = optimise_layers(layers)
    assert [type(layer) for layer in found.children()] == [nn.ConvTranspose2d, nn.ReLU, nn.BatchNorm2d]
    assert (found(image) - wanted).abs().max() < 1e-6


@pytest.mark.parametrize(("window", "hop"), [(512, 128), (512, 256), (64, 8), (512, 200)])
@pytest.mark.parametrize("samples", [1, 511, 3000])
def test_synthesis_equals_the_inverse_stft(window: int, hop: int, samples: int) -> None:
    stft = Stft(StftConfig(window=window, hop=hop))
    spectrum = stft(_mixture(samples, batch=2))
    changed = spectrum * torch.rand(spectrum.shape)
    assert make_inverse_stft(stft)(changed, samples).shape == (2, 2, samples)
    assert (make_inverse_stft(stft)(changed, samples) - stft.inverse(changed, samples)).abs().max() < 1e-6
    assert (make_inverse_stft(stft)(spectrum, samples) - _mixture(samples, batch=2)).abs().max() < 1e-6


# precision


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_precision_is_bf16_on_processors_with_bf16_units(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: Precision
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert best_precision() == precision


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16"), (False, "fp32")])
def test_precision_is_bf16_on_gpus_with_bf16_units(
    monkeypatch: pytest.MonkeyPatch, supported: bool, precision: Precision
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert best_precision() == precision
