"""Separation in segments keeps all samples, and does not depend on the blocks of the input."""

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.networks.base.separator import Separator
from components.core.separating.segments import separate_audio, separate_blocks
from components.core.sound.decoding import Audio
from tests.support.tiny_models import noise, tiny_separator

SEPARATOR = tiny_separator()


class _Halves(Separator):
    """Returns two stems, each half of the mixture, so that the exact output is known."""

    segment = 64

    def estimates(self, mixture: torch.Tensor) -> torch.Tensor:
        assert mixture.shape == (1, 2, 64)
        return torch.stack([mixture, mixture], dim=1) / 2


def _cut(audio: Audio, sizes: list[int]) -> Iterator[Audio]:
    place = 0
    for size in sizes:
        yield audio[:, place : place + size]
        place += size
    yield audio[:, place:]


@pytest.mark.parametrize("samples", [1, 2, 511, 512, 513, 1023, 1024, 1025, 1536, 5000])
def test_stems_add_up_to_the_mixture(samples: int) -> None:
    mixture = noise(samples, samples)
    stems = separate_audio(SEPARATOR, mixture)
    assert stems.shape == (2, 2, samples)
    assert stems.dtype == np.float32
    assert np.abs(stems.sum(axis=0) - mixture).max() < 1e-6
    assert np.abs(stems[0]).max() > 0.01
    assert np.abs(stems[1]).max() > 0.01


@settings(max_examples=40, deadline=None)
@given(samples=st.integers(0, 3000), sizes=st.lists(st.integers(0, 1500), max_size=6))
def test_stems_do_not_depend_on_the_blocks(samples: int, sizes: list[int]) -> None:
    mixture = noise(samples, samples)
    expected = np.concatenate(list(separate_blocks(SEPARATOR, [mixture])), axis=-1)
    parts = np.concatenate(list(separate_blocks(SEPARATOR, _cut(mixture, sizes))), axis=-1)
    assert expected.shape == (2, 2, samples)
    assert np.array_equal(parts, expected)


@settings(max_examples=100, deadline=None)
@given(samples=st.integers(0, 400), sizes=st.lists(st.integers(0, 200), max_size=6))
def test_segments_join_without_a_seam(samples: int, sizes: list[int]) -> None:
    mixture = noise(samples, samples)
    stems = np.concatenate(list(separate_blocks(_Halves(), _cut(mixture, sizes))), axis=-1)
    assert stems.shape == (2, 2, samples)
    assert np.abs(stems - mixture / 2).max(initial=0.0) < 1e-7


@settings(max_examples=200, deadline=None)
@given(
    samples=st.integers(0, 500),
    sizes=st.lists(st.integers(0, 200), max_size=6),
    overlap=st.floats(0, 0.9) | st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.9]),
)
def test_segments_join_without_a_seam_at_any_overlap(samples: int, sizes: list[int], overlap: float) -> None:
    mixture = noise(samples, samples, level=1.0)
    expected = separate_audio(_Halves(), mixture, overlap)
    assert expected.shape == (2, 2, samples)
    assert expected.dtype == np.float32
    assert np.abs(expected - mixture / 2).max(initial=0.0) < 1e-5
    parts = np.concatenate(list(separate_blocks(_Halves(), _cut(mixture, sizes), overlap)), axis=-1)
    assert np.array_equal(parts, expected)


@settings(max_examples=25, deadline=None)
@given(
    samples=st.integers(1, 3000),
    sizes=st.lists(st.integers(0, 1500), max_size=6),
    overlap=st.sampled_from([0.0, 0.1, 0.75, 0.9]),
)
def test_stems_of_a_network_add_up_at_any_overlap(samples: int, sizes: list[int], overlap: float) -> None:
    mixture = noise(samples, samples)
    expected = separate_audio(SEPARATOR, mixture, overlap)
    assert np.abs(expected.sum(axis=0) - mixture).max() < 1e-6
    parts = np.concatenate(list(separate_blocks(SEPARATOR, _cut(mixture, sizes), overlap)), axis=-1)
    assert np.array_equal(parts, expected)


class _Counting(_Halves):
    """Counts the segments, and puts only the middle of each into the first stem."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def estimates(self, mixture: torch.Tensor) -> torch.Tensor:
        self.count += 1
        middle = torch.zeros(64)
        middle[16:48] = 1
        return torch.stack([mixture * middle, mixture], dim=1)


@pytest.mark.parametrize(("overlap", "hop"), [(0.0, 64), (0.25, 48), (0.5, 32), (0.75, 16), (0.9, 6), (0.999, 1)])
def test_overlap_sets_the_distance_of_segments(overlap: float, hop: int) -> None:
    separator = _Counting()
    separate_audio(separator, noise(0, 960), overlap)
    # the first segment ends `hop` samples into the recording, the last begins within it
    assert separator.count == -(-(960 + 64 - hop) // hop)


def test_neighbouring_segments_fade_into_each_other() -> None:
    """With an overlap of half a segment its edges, where networks are worst, have little weight."""
    ones = np.ones((2, 640), np.float32)
    alone, shared = (separate_audio(_Counting(), ones, overlap)[0, 0, 64:-64] for overlap in (0.0, 0.5))
    assert sorted(set(alone.tolist())) == [0, 1]
    assert shared.min() > 0.4
    assert shared.mean() == pytest.approx(0.75, abs=0.01)


def test_no_blocks_give_no_stems() -> None:
    assert list(separate_blocks(SEPARATOR, [])) == []


def test_memory_does_not_grow_with_the_recording() -> None:
    """Only the last few input blocks are still in memory."""
    held: list[weakref.ref[Audio]] = []
    most = 0

    def blocks() -> Iterator[Audio]:
        for number in range(200):
            block = noise(number, 64)
            held.append(weakref.ref(block))
            yield block

    count = 0
    for stems in separate_blocks(_Halves(), blocks()):
        count += stems.shape[-1]
        del stems
        gc.collect(0)
        most = max(most, sum(reference() is not None for reference in held))
    assert count == 200 * 64
    assert most <= 4
