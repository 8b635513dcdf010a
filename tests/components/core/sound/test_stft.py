"""The transform and its inverse: exact for any length, and linear."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.sound.stft import Stft
from components.core.sound.stft_config import StftConfig

SMALL = StftConfig(window=512, hop=128)


def _audio(seed: int, *shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("config", [SMALL, StftConfig(window=4096, hop=1024)])
@pytest.mark.parametrize("samples", [1, 2, 127, 128, 129, 511, 512, 513, 1000, 4095, 4097, 20001])
def test_inverse_returns_the_audio(config: StftConfig, samples: int) -> None:
    audio = _audio(samples, 2, 3, samples)
    stft = Stft(config)
    spectrum = stft(audio)
    assert spectrum.shape[:3] == (2, 3, config.window // 2 + 1)
    assert spectrum.shape[3] == max(-(-samples // config.hop), config.window // config.hop) + 1
    found = stft.inverse(spectrum, samples)
    assert found.shape == audio.shape
    assert (found - audio).abs().max() < 2e-6


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 3000), gain=st.floats(-4, 4), seed=st.integers(0, 1000))
def test_transform_is_linear(samples: int, gain: float, seed: int) -> None:
    stft = Stft(SMALL)
    first, second = _audio(seed, 1, samples), _audio(seed + 1, 1, samples)
    together = stft(first + gain * second)
    assert torch.allclose(together, stft(first) + gain * stft(second), atol=2e-3, rtol=1e-4)


def test_transform_has_no_weights() -> None:
    assert Stft(SMALL).state_dict() == {}


def test_tone_is_in_its_bin() -> None:
    tone = torch.sin(2 * torch.pi * 20 / 512 * torch.arange(4096))
    assert Stft(SMALL)(tone).abs()[:, 16].argmax() == 20
