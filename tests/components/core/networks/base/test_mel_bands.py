"""The bands of Mel-Band RoFormer equal those of librosa's filter bank, by which published weights were trained."""

import numpy as np
import pytest

from components.core.networks.base.mel_bands import find_mel_bands


@pytest.mark.parametrize(
    ("bands", "window", "rate"),
    [(60, 2048, 44100), (60, 2048, 48000), (12, 2048, 44100), (40, 1024, 16000), (64, 4096, 44100), (128, 4096, 22050)],
)
def test_bands_are_the_bins_with_weights_in_librosa(bands: int, window: int, rate: int) -> None:
    filters = pytest.importorskip("librosa.filters")
    weights = filters.mel(sr=rate, n_fft=window, n_mels=bands)
    weights[0, 0] = weights[-1, -1] = 1  # as the training code does
    assert np.array_equal(find_mel_bands(bands, window // 2 + 1, rate), weights > 0)


def test_each_bin_is_in_one_band_or_two() -> None:
    members = find_mel_bands(60, 1025, 44100)
    assert set(members.sum(axis=0)) == {1, 2}
    assert members.any(axis=1).all()
