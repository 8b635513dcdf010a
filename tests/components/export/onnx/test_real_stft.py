"""The transform in real arithmetic equals torch."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from components.export.onnx.real_stft import RealFourier, RealStft, cut_frames, overlap_add

CLOSE = 5e-6


@given(st.integers(1, 300), st.integers(0, 99))
def test_transform_of_any_even_length_equals_torch_and_inverts(half: int, seed: int) -> None:
    samples = torch.randn(2, 3, 2 * half, generator=torch.Generator().manual_seed(seed))
    fourier = RealFourier(2 * half)
    wanted = torch.view_as_real(torch.fft.rfft(samples))
    assert (fourier(samples) - wanted).abs().max() < CLOSE * wanted.abs().max()
    assert (fourier.inverse(wanted) - samples).abs().max() < CLOSE * samples.abs().max()


def test_inverse_ignores_imaginary_parts_at_the_ends_like_torch() -> None:
    spectrum = torch.randn(9, 2, generator=torch.Generator().manual_seed(0))
    wanted = torch.fft.irfft(torch.view_as_complex(spectrum))
    assert (RealFourier(16).inverse(spectrum) - wanted).abs().max() < CLOSE


@given(st.sampled_from([(16, 4), (64, 16), (60, 17), (32, 32), (2048, 441)]), st.integers(2, 9), st.booleans())
def test_frames_and_samples_equal_torch(shape: tuple[int, int], hops: int, normalised: bool) -> None:
    window, hop = shape
    samples = torch.randn(1, 2, window + hops * hop, generator=torch.Generator().manual_seed(hops))
    hann = torch.hann_window(window)
    wanted = torch.stft(samples[0], window, hop, window=hann, normalized=normalised, return_complex=True)
    stft = RealStft(window, hop, normalised)
    found = stft(samples)
    assert (found[0] - torch.view_as_real(wanted)).abs().max() < CLOSE * wanted.abs().max()
    if hop <= window // 2:
        length = (wanted.shape[-1] - 1) * hop
        back = torch.istft(wanted, window, hop, window=hann, normalized=normalised, length=length)
        assert (stft.inverse(found, length)[0] - back).abs().max() < CLOSE * samples.abs().max()


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 50))
def test_framing_and_overlap_add_invert_each_other(window: int, hop: int, more: int) -> None:
    samples = torch.arange(1.0, window + more + 1)
    cut = cut_frames(samples, window, hop)
    assert torch.equal(cut, samples.unfold(-1, window, hop))
    added = torch.zeros(overlap_add(cut, hop).shape[-1])
    for number, frame in enumerate(cut):
        added[number * hop : number * hop + window] += frame
    assert torch.equal(overlap_add(cut, hop), added)
