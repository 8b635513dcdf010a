"""The losses of training."""

import numpy as np
import pytest
import torch

from components.train.losses import LOSSES


@pytest.mark.parametrize(("name", "smallest"), [("waveform", 0), ("magnitude", 0), ("sdr", -30)])
def test_equal_stems_have_the_smallest_loss(name: str, smallest: float) -> None:
    stems = torch.randn(2, 2, 2, 5000, generator=torch.Generator().manual_seed(0))
    assert LOSSES[name](stems, stems).item() == pytest.approx(smallest, abs=0.1)
    assert LOSSES[name](0.9 * stems, stems).item() > LOSSES[name](stems, stems).item() + 1e-3


def test_waveform_loss_is_the_mean_absolute_difference() -> None:
    stems = torch.zeros(1, 2, 2, 5000)
    estimates = stems.clone()
    estimates[:, 0] = 0.5
    estimates[:, 1] = -0.25
    assert LOSSES["waveform"](estimates, stems).item() == pytest.approx((0.5 + 0.25) / 2)


def test_magnitude_loss_forgives_phase_and_is_linear_in_level() -> None:
    stems = torch.randn(1, 2, 2, 8192, generator=torch.Generator().manual_seed(0))
    assert LOSSES["magnitude"](-stems, stems).item() == pytest.approx(0, abs=1e-5)
    once, twice = (LOSSES["magnitude"](factor * stems, torch.zeros_like(stems)).item() for factor in (1, 2))
    assert twice == pytest.approx(2 * once, rel=1e-5)
    assert once > 0


def test_magnitude_loss_of_a_constant_is_that_of_the_window() -> None:
    level, samples = 0.5, 4096 * 4
    loss = LOSSES["magnitude"](torch.full((1, 1, 1, samples), level), torch.zeros(1, 1, 1, samples)).item()
    window = np.hanning(4097)[:-1]
    padded = np.pad(np.full(samples, level), 2048)
    frames = [np.abs(np.fft.rfft(padded[start : start + 4096] * window)) for start in range(0, samples + 1, 1024)]
    assert loss == pytest.approx(float(np.mean(frames)), rel=1e-4)


def test_sdr_loss_is_the_negative_sdr_of_both_stems() -> None:
    stems = torch.randn(1, 2, 2, 8192, generator=torch.Generator().manual_seed(0))
    estimates = stems * torch.tensor([0.9, 0.5])[:, None, None]  # errors of -20 and -6.02 dB, with the floor -19.59
    assert LOSSES["sdr"](estimates, stems).item() == pytest.approx(-(19.59 + 6.02) / 2, abs=0.05)


def test_sdr_loss_of_a_silent_stem_is_finite_and_punishes_sound() -> None:
    silence = torch.zeros(1, 2, 2, 8192)
    quiet, loud = (LOSSES["sdr"](torch.full_like(silence, level), silence).item() for level in (0.01, 1.0))
    assert 0 < quiet < loud < 40
