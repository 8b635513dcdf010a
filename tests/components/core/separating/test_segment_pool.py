"""The segment pool: results do not depend on threads, batches or other segments, keep their order, and bound memory."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from components.core.networks.base.separator import Separator
from components.core.separating.fast import for_inference
from components.core.separating.segment_pool import SegmentPool, separate_segments
from components.core.separating.segments import separate_audio, separate_blocks, separate_in_pool
from components.core.sound.decoding import Audio
from tests.support.tiny_models import ROOT, noise, run_python, tiny_separator

SEPARATOR = tiny_separator()
FAST = for_inference(SEPARATOR, "bf16")
LONG = 60.0
"""A time limit in seconds that no test here should reach."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _joined(blocks: Iterator[Audio]) -> Audio:
    return np.concatenate(list(blocks), axis=-1)


def _cut(audio: Audio, size: int) -> Iterator[Audio]:
    for start in range(0, audio.shape[1], size):
        yield audio[:, start : start + size]


@pytest.mark.parametrize("separator", [SEPARATOR, FAST], ids=["trained", "for inference"])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
def test_result_does_not_depend_on_the_number_of_threads(separator: Separator, overlap: float) -> None:
    mixture = noise(0, 20_000)
    alone = separate_audio(separator, mixture, overlap)
    for threads in (2, 4):
        assert np.array_equal(_joined(separate_blocks(separator, _cut(mixture, 700), overlap, threads)), alone)


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(0, 5000), size=st.integers(1, 3000), threads=st.integers(2, 4))
def test_several_threads_return_the_result_of_one(samples: int, size: int, threads: int) -> None:
    mixture = noise(samples, samples)
    alone = list(separate_blocks(FAST, _cut(mixture, size)))
    side_by_side = list(separate_blocks(FAST, _cut(mixture, size), threads=threads))
    assert len(side_by_side) == len(alone)
    assert all(np.array_equal(*pair) for pair in zip(side_by_side, alone, strict=True))


@pytest.mark.parametrize("threads", [1, 2])
def test_recordings_in_a_shared_pool_do_not_change_each_other(threads: int) -> None:
    mixtures = [noise(seed, 6000 + 500 * seed, level=0.1 * (seed + 1)) for seed in range(5)]

    def separated(pool: SegmentPool, mixture: Audio) -> Audio:
        return _joined(separate_in_pool(pool, _cut(mixture, 999)))

    with SegmentPool(FAST, threads, batch=4) as pool:
        alone = [separated(pool, mixture) for mixture in mixtures]
        with ThreadPoolExecutor(len(mixtures)) as tracks:
            together = list(tracks.map(lambda mixture: separated(pool, mixture), mixtures))
    assert all(np.array_equal(*pair) for pair in zip(together, alone, strict=True))
    assert all(np.abs(stems.sum(0) - mixture).max() < 1e-6 for stems, mixture in zip(alone, mixtures, strict=True))


class _Watched(Separator):
    """Returns the mixture twice; records the shapes, waits for the event `go`, and raises for loud input."""

    segment = 64

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []
        self.threads: set[int] = set()
        self.go = threading.Event()
        self.go.set()

    def estimates(self, mixture: torch.Tensor) -> torch.Tensor:
        assert self.go.wait(LONG)
        self.shapes.append(tuple(mixture.shape))
        self.threads.add(torch.get_num_threads())
        if mixture.abs().max() > 1:
            raise ArithmeticError("too loud")
        return torch.stack([mixture, mixture], dim=1)


def test_waiting_segments_share_a_forward_pass() -> None:
    separator = _Watched()
    separator.go.clear()
    segments = [noise(seed, 64) for seed in range(9)]
    with SegmentPool(separator, threads=1, batch=4) as pool:
        futures = [pool.submit(segment) for segment in segments]
        separator.go.set()
        results = [future.result(LONG) for future in futures]
    assert set(separator.shapes) == {(4, 2, 64)}
    assert len(separator.shapes) in (3, 4)  # the first may have gone alone
    assert separator.threads == {1}
    assert all(np.array_equal(result[0], segment) for result, segment in zip(results, segments, strict=True))


def test_separating_keeps_the_number_of_threads_of_the_caller() -> None:
    torch.set_num_threads(2)
    _joined(separate_blocks(_Watched(), [noise(0, 1000)], threads=3))
    assert torch.get_num_threads() == 2


def test_error_in_a_thread_affects_its_recording_only() -> None:
    with SegmentPool(_Watched(), threads=2) as pool:
        bad, good = pool.submit(noise(0, 64, level=9.0)), pool.submit(noise(1, 64))
        with pytest.raises(ArithmeticError, match="too loud"):
            bad.result(LONG)
        assert np.array_equal(good.result(LONG)[1], noise(1, 64))
        with pytest.raises(ArithmeticError, match="too loud"):
            _joined(separate_in_pool(pool, [noise(2, 1000, level=9.0)]))
        assert _joined(separate_in_pool(pool, [noise(3, 1000)])).shape == (2, 2, 1000)


def test_error_while_reading_is_raised_and_ends_the_threads() -> None:
    def blocks() -> Iterator[Audio]:
        yield noise(0, 500)
        raise OSError("the file ends here")

    before = threading.active_count()
    with pytest.raises(OSError, match="ends here"):
        _joined(separate_blocks(_Watched(), blocks(), threads=2))
    assert threading.active_count() == before


def test_closing_the_stems_early_ends_the_threads() -> None:
    separator = _Watched()
    before = threading.active_count()
    stems = separate_blocks(separator, _cut(noise(0, 64_000), 64), threads=2)
    next(stems)
    stems.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
    assert len(separator.shapes) < 12


def test_cancelled_segments_are_not_separated() -> None:
    separator = _Watched()
    separator.go.clear()
    with SegmentPool(separator, threads=1) as pool:
        futures = [pool.submit(noise(seed, 64)) for seed in range(5)]
        while not futures[0].running():
            time.sleep(0.001)
        for future in futures[1:4]:
            assert future.cancel()
        separator.go.set()
        assert np.array_equal(futures[4].result(LONG)[0], noise(4, 64))
        with pytest.raises(CancelledError):
            futures[2].result(LONG)
    assert len(separator.shapes) == 2


def test_failed_recording_cancels_its_segments_in_a_shared_pool() -> None:
    separator = _Watched()
    separator.go.clear()

    def blocks() -> Iterator[Audio]:
        yield noise(0, 32)
        raise OSError("the file ends here")

    with SegmentPool(separator, threads=1, batch=1) as pool:
        first = pool.submit(noise(1, 64))
        with pytest.raises(OSError, match="ends here"):
            _joined(separate_in_pool(pool, blocks()))
        separator.go.set()
        for wanted in (first, pool.submit(noise(2, 64))):
            assert wanted.result(LONG).shape == (2, 2, 64)
    assert len(separator.shapes) == 2


class _WindowAlone(Separator):
    """A network without weights, whose window is on the device `meta`."""

    segment = 64

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.ones(64, device="meta"))
        self.seen: list[str] = []

    def estimates(self, mixture: Tensor) -> Tensor:
        self.seen.append(mixture.device.type)
        return torch.zeros(1, 2, 2, 64)


def test_network_without_weights_computes_where_its_window_is() -> None:
    separator = _WindowAlone()
    separate_segments(separator, [np.zeros((2, 64), np.float32)], 1)
    assert separator.seen == ["meta"]


@pytest.mark.parametrize("threads", [2, 3])
def test_pool_reads_at_most_two_segments_per_thread_ahead(threads: int) -> None:
    read = 0

    def blocks() -> Iterator[Audio]:
        nonlocal read
        for number in range(300):
            read += 1
            yield noise(number, 32)

    written = 0
    for stems in separate_blocks(_Watched(), blocks(), overlap=0.5, threads=threads):
        written += stems.shape[-1]
        # a hop is a block; a segment waits for the block that completes it
        assert read * 32 - written <= (2 * threads + 2) * 32
    assert written == 300 * 32


DIGEST = """
import hashlib, torch
from tests.components.core.separating.test_segment_pool import FAST, SEPARATOR
from components.core.separating.segments import separate_blocks
from tests.support.tiny_models import noise
torch.set_num_threads(1)
for separator in (SEPARATOR, FAST):
    for threads in (1, 2, 4):
        total = hashlib.sha256()
        for stems in separate_blocks(separator, [noise(0, 20_000)], threads=threads):
            total.update(stems.tobytes())
        print(total.hexdigest())
"""


@pytest.mark.slow
def test_two_processes_return_the_same_bits() -> None:
    """The result is the same when one process has another number of threads in its environment."""
    path = {"PYTHONPATH": str(ROOT)}
    runs = [run_python("-c", DIGEST, more=path | {"OMP_NUM_THREADS": threads}) for threads in ("1", "3")]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    digests = runs[0].stdout.split() + runs[1].stdout.split()
    assert len(digests) == 12
    assert len(set(digests)) == 2
