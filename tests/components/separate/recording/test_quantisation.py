"""Quantised stems add up to the recording for any estimates, and stay near the estimates."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.separate.recording.quantisation import add_up, count_clipped, encoding_for
from tests.support.tiny_models import noise


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 999), bits=st.sampled_from([16, 24]), stems=st.integers(1, 5), level=st.floats(0.0, 1.0))
def test_floats_in_an_integer_format_add_up_within_a_step(seed: int, bits: int, stems: int, level: float) -> None:
    recording = noise(seed, 500, 2, level).astype(np.float64)
    recording[:, :4] = [[-1.0, 1.0, 0.0, -0.0], [1.0, -1.0, 2.0**-30, 1 - 2.0**-24]]
    estimates = np.stack([noise(seed + number, 500, 2, 1.2) for number in range(stems)])
    written = add_up(encoding_for(f"PCM_{bits}"), recording, estimates)
    assert written.dtype == np.int32
    assert not (written % (1 << (32 - bits))).any()
    error = np.abs((written.astype(np.int64).sum(axis=0) / 2.0**31) - recording) * 2.0 ** (bits - 1)
    assert error[recording < 1 - 2.0**-bits].max() <= 0.5
    assert error.max() <= 1.0


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT", "DOUBLE"])
def test_estimates_that_are_not_finite_keep_the_sum(subtype: str) -> None:
    encoding = encoding_for(subtype)
    recording = np.array([[2**29, -(2**30), 5 << 16]], np.int32)
    samples = recording if encoding.bits else recording / 2.0**31
    estimates = np.full((3, 1, 3), np.nan, np.float32)
    stems = add_up(encoding, samples, estimates)
    assert np.array_equal(stems[-1], samples)
    assert not stems[:-1].any()
    estimates[0] = np.inf
    assert np.array_equal(add_up(encoding, samples, estimates).astype(np.float64).sum(axis=0), samples)


def test_stem_keeps_its_estimate_while_others_can_take_the_remainder() -> None:
    """The remainder of the first stem is beyond full scale, but two other stems can share it."""
    estimates = np.array([[[-1.0]], [[0.875]], [[0.875]]], np.float32)
    stems = add_up(encoding_for("PCM_16"), np.array([[3 << 29]], np.int32), estimates)
    assert (stems[:, 0, 0] / 2.0**31).tolist() == [-1.0, 0.875, 0.875]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 999), stems=st.integers(1, 4))
def test_only_clipped_samples_differ_from_exact_estimates(seed: int, stems: int) -> None:
    recording = (noise(seed, 300, 2, 0.9) * 2.0**15).astype(np.int32) << 16
    estimates = np.stack([*(noise(seed + number, 300, 2, 1.1) for number in range(stems)), np.zeros((2, 300))])
    estimates[-1] = recording / 2.0**31 - estimates.sum(axis=0)
    estimates = estimates.astype(np.float32)
    encoding = encoding_for("PCM_16")
    far = np.abs(add_up(encoding, recording, estimates) / 2.0**31 - estimates) > (stems + 1) * 2.0**-16
    beyond = np.abs(estimates) > 1.0
    assert not (far & ~beyond.any(axis=0)).any()
    assert count_clipped(encoding, estimates).tolist() == beyond.sum(axis=(1, 2)).tolist()


def test_samples_beyond_full_scale_are_counted_for_each_stem() -> None:
    estimates = np.array([[[1.5, -1.0, 1.0, -1.25]], [[-0.5, 0.0, 0.0, np.nan]]], np.float32)
    assert count_clipped(encoding_for("PCM_16"), estimates).tolist() == [2, 0]
    assert count_clipped(encoding_for("FLOAT"), estimates).tolist() == [0, 0]


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_estimates_beyond_the_format_are_clipped(bits: int) -> None:
    encoding = encoding_for(f"PCM_{bits}")
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = np.array([[lowest, -1, 0, 1, highest]], np.int64)
    recording = (values << (32 - bits)).astype(np.int32)
    for estimate in (-5.0, -1.0, 0.0, 1.0, 5.0, float("inf")):
        estimates = np.full((3, 1, 5), estimate, np.float32)
        stems = add_up(encoding, recording, estimates).astype(np.int64) >> (32 - bits)
        assert np.array_equal(stems.sum(axis=0), values)
        assert stems.min() >= lowest
        assert stems.max() <= highest


def test_stems_equal_the_estimates_where_they_fit() -> None:
    estimates = np.array([[[0.25, -0.5]], [[0.1, 0.1]]], np.float32)
    recording = np.array([[2**30, 0]], np.int32)
    stems = add_up(encoding_for("PCM_16"), recording, estimates)
    assert (stems[0] / 2**31).tolist() == [[0.25, -0.5]]
    assert (stems[1] / 2**31).tolist() == [[0.25, 0.5]]
