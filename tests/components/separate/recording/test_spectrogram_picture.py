"""The picture of a recording: its content, its bounded size, and its independence of the blocks."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from components.core.sound.decoding import Audio
from components.separate.recording.spectrogram_picture import GAP, ROW, WIDTH, SpectrogramPicture
from tests.support.tiny_models import TARGETS, noise

RATE = 44100
BLACK, BRIGHTEST, CLEAR = 0, 11, 12  # of the palette


def draw(path: Path, stems: Audio, rate: int = RATE, claimed: int | None = None, block: int = 1 << 16) -> bytes:
    """Draw `(stems, channels, samples)` and return the file."""
    targets = TARGETS[: len(stems)]
    picture = SpectrogramPicture(targets, stems.shape[-1] if claimed is None else claimed, rate)
    for begin in range(0, stems.shape[-1], block):
        picture.add(stems[..., begin : begin + block])
    picture.write(path)
    return path.read_bytes()


def rows(path: Path) -> list[NDArray[np.uint8]]:
    """Return the shades of the mixture's and each stem's row, `(ROW, WIDTH)`, high frequencies first."""
    pixels = np.asarray(Image.open(path))
    assert pixels.shape[1] == WIDTH
    assert (pixels.shape[0] + GAP) % (ROW + GAP) == 0
    return [pixels[top : top + ROW] for top in range(0, pixels.shape[0], ROW + GAP)]


def sine(frequency: float, seconds: float, rate: int = RATE, level: float = 0.5) -> Audio:
    """Return a stem `(1, channels, samples)`."""
    wave = level * np.sin(2 * np.pi * frequency / rate * np.arange(int(seconds * rate)))
    return np.broadcast_to(wave.astype(np.float32), (1, 2, wave.size)).copy()


def mel_row(frequency: float) -> int:
    """Return the row, from the top, that shows `frequency` by HTK's formula."""
    return ROW - 1 - int(ROW * np.log10(1 + frequency / 700) / np.log10(1 + 16000 / 700))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000])
@pytest.mark.parametrize("frequency", [110.0, 1000.0, 3500.0])
def test_tone_is_bright_at_its_frequency(tmp_path: Path, rate: int, frequency: float) -> None:
    draw(tmp_path / "a.png", np.concatenate([sine(frequency, 4, rate), sine(0, 4, rate)]), rate)
    mixture, tone, silence = rows(tmp_path / "a.png")
    assert np.abs(mixture.argmax(axis=0)[5:-5] - mel_row(frequency)).max() <= 1
    assert mixture.max() == BRIGHTEST
    assert np.array_equal(mixture, tone)
    assert (silence == BLACK).all()


def test_nothing_is_above_half_the_rate(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", noise(0, 40000)[None], rate=8000)
    mixture, _ = rows(tmp_path / "a.png")
    assert (mixture[: mel_row(4000)] == BLACK).all()
    assert (mixture[mel_row(3900) :] > BLACK).mean() > 0.99


def test_time_runs_to_the_right(tmp_path: Path) -> None:
    tone = sine(1000, 8)
    tone[..., : 4 * RATE] = 0
    draw(tmp_path / "a.png", tone)
    _, row = rows(tmp_path / "a.png")
    assert (row[:, : WIDTH // 2 - 3] == BLACK).all()
    assert (row[mel_row(1000), WIDTH // 2 + 3 : -3] == BRIGHTEST).all()


def test_stems_that_cancel_leave_a_dark_mixture(tmp_path: Path) -> None:
    tone = sine(1000, 3)
    draw(tmp_path / "a.png", np.concatenate([tone, -tone]))
    mixture, first, second = rows(tmp_path / "a.png")
    assert (mixture == BLACK).all()
    assert first.max() == second.max() == BRIGHTEST


def test_channels_that_cancel_are_visible(tmp_path: Path) -> None:
    tone = sine(1000, 3)
    tone[:, 1] *= -1
    draw(tmp_path / "a.png", tone)
    assert rows(tmp_path / "a.png")[0].max() == BRIGHTEST


def test_clear_stripe_separates_the_rows(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", np.stack([noise(0, 5000), noise(1, 5000)]))
    picture = Image.open(tmp_path / "a.png")
    assert picture.size == (WIDTH, 3 * ROW + 2 * GAP)
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    assert (alpha[ROW : ROW + GAP] == 0).all()
    assert (alpha[:ROW] == 255).all()


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    samples=st.integers(1, 20000),
    channels=st.integers(1, 3),
    rate=st.sampled_from([8000, 44100]),
    block=st.integers(200, 30000),
)
def test_picture_does_not_depend_on_the_blocks(
    tmp_path_factory: pytest.TempPathFactory, samples: int, channels: int, rate: int, block: int
) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    stems = np.stack([noise(0, samples, channels), noise(1, samples, channels)])
    assert draw(folder / "a.png", stems, rate) == draw(folder / "b.png", stems, rate, block=block)


def test_blocks_can_have_one_sample(tmp_path: Path) -> None:
    stems = np.stack([noise(0, 700), noise(1, 700)])
    assert draw(tmp_path / "a.png", stems) == draw(tmp_path / "b.png", stems, block=1)


def test_picture_has_rows_of_the_mix_and_the_drawn_stems(tmp_path: Path) -> None:
    stems = np.stack([noise(0, 9000), noise(1, 9000)])
    draw(tmp_path / "all.png", stems)
    picture = SpectrogramPicture(TARGETS, 9000, RATE, TARGETS[1:])
    picture.add(stems)
    picture.write(tmp_path / "second.png")
    everything, second = (np.asarray(Image.open(tmp_path / name)) for name in ("all.png", "second.png"))
    assert np.array_equal(second, np.delete(everything, slice(ROW + GAP, 2 * (ROW + GAP)), axis=0))


def test_writing_twice_is_the_same_picture(tmp_path: Path) -> None:
    picture = SpectrogramPicture(TARGETS, 9000, RATE)
    picture.add(np.stack([noise(0, 9000), noise(1, 9000)]))
    picture.write(tmp_path / "a.png")
    picture.write(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("rate", [1, 8000, 2**31 - 1])
@pytest.mark.parametrize("samples", [0, 1, 2, 1000])
def test_picture_accepts_any_length_and_rate(tmp_path: Path, samples: int, rate: int) -> None:
    draw(tmp_path / "a.png", noise(0, samples, channels=1)[None], rate)
    assert len(rows(tmp_path / "a.png")) == 2


def test_one_sample_is_visible(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", np.ones((1, 1, 1), np.float32))
    assert (rows(tmp_path / "a.png")[0] > BLACK).all()  # a click has all frequencies


@pytest.mark.parametrize("claimed", [1, 40000, 500000])
def test_wrong_length_is_no_error(tmp_path: Path, claimed: int) -> None:
    draw(tmp_path / "a.png", noise(0, 100000)[None], claimed=claimed)
    mixture, _ = rows(tmp_path / "a.png")
    seen = (mixture > BLACK).any(axis=0)
    assert abs(seen.sum() - min(1.0, 100000 / claimed) * WIDTH) < 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_values_that_are_not_finite_count_as_silence(tmp_path: Path, value: float) -> None:
    tone = sine(1000, 8)
    tone[..., : 4 * RATE] = value
    draw(tmp_path / "a.png", tone)
    _, row = rows(tmp_path / "a.png")
    assert (row[:, : WIDTH // 2 - 3] == BLACK).all()
    assert (row[mel_row(1000), WIDTH // 2 + 3 : -3] == BRIGHTEST).all()


def test_faint_noise_stays_dark(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", noise(0, 100000, level=1e-6)[None])
    assert (rows(tmp_path / "a.png")[0] == BLACK).all()


def test_file_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    loudness = 10 ** rng.uniform(-2, 0, 30 * RATE // 3000)  # drum beats: no two columns are alike
    stems = np.stack([noise(seed, 30 * RATE) for seed in range(2)]) * np.repeat(loudness, 3000).astype(np.float32)
    assert len(draw(tmp_path / "a.png", stems)) < 40_000


@pytest.mark.slow
def test_memory_does_not_grow_with_the_recording() -> None:
    block = np.zeros((2, 2, 1 << 16), np.float32)
    peaks = []
    for blocks in (10, 100):
        tracemalloc.start()
        picture = SpectrogramPicture(TARGETS, blocks << 16, RATE)
        for _ in range(blocks):
            picture.add(block)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
    assert peaks[1] < 8e6
