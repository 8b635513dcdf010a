"""All tracks through all systems, in parallel processes of one thread each.

museval's linear algebra gains nothing from more threads; processes gain in proportion. Each loads the model once.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import psutil
import torch

from components.core.base.errors import UserError
from components.core.base.parallel import available_cores, end_with_pool_owner
from components.core.base.progress import Progress
from components.core.data.manifest import Track
from components.core.models.bundle import Model, load_model
from components.core.models.description import WEIGHTS
from components.core.separating.postprocessing import PostProcessing
from components.evaluate.scoring.merging import merged_model
from components.evaluate.scoring.scoring import TrackScores, score_track
from components.evaluate.scoring.systems import estimator
from components.evaluate.scoring.test_tracks import read_material, scored_targets, with_accompaniment

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# measured in stereo at 44.1 kHz: torch and museval loaded, and what a second of the track adds a scored target
_PROCESS_BYTES = 0.6e9
_SECOND_BYTES = 10e6


@dataclass(frozen=True)
class Job:
    """One system on one track."""

    track: Track
    system: str


@dataclass(frozen=True)
class Scored:
    """A job's scores, and how many seconds the estimates took on one core."""

    scores: TrackScores
    seconds: float


def score_all(
    folder: Path,
    merged: tuple[str, ...],
    tracks: Sequence[Track],
    systems: Sequence[str],
    post: Mapping[str, PostProcessing],
    window_seconds: float,
    scorer: str,
) -> list[Scored]:
    """Score every system on every track with the model in `folder`; results by track, then system, as given.

    Its targets `merged` are scored as part of `other`. Raises UserError when a track cannot be read or a process dies.
    """
    jobs = [Job(track, system) for track in tracks for system in systems]
    progress = Progress("evaluate", round(sum(job.track.duration for job in jobs), 1), "s of audio")
    scores: dict[tuple[str, str], Scored] = {}
    with _pool(folder, merged, _processes(jobs, folder)) as pool:
        # the longest first, so that none is left running alone at the end
        waiting = {
            pool.submit(_run, job, post, window_seconds, scorer): job for job in sorted(jobs, key=_longest_first)
        }
        for future in as_completed(waiting):
            job = waiting[future]
            scores[job.track.name, job.system] = _result(future)
            progress.advance(job.track.duration, f"{job.track.title}, {job.system}")
    return [scores[job.track.name, job.system] for job in jobs]


_model: Model | None = None


def _start(folder: Path, merged: tuple[str, ...]) -> None:
    global _model
    end_with_pool_owner()
    torch.set_num_threads(1)
    _model = merged_model(load_model(folder), merged)


def _run(job: Job, post: Mapping[str, PostProcessing], window_seconds: float, scorer: str) -> Scored:
    assert _model is not None
    mixture, references = read_material(_model, job.track)
    started = time.thread_time()
    estimates = estimator(job.system, post)(_model, mixture, references)
    seconds = time.thread_time() - started
    targets = scored_targets(_model.targets)
    references, estimates = (with_accompaniment(_model.targets, signals) for signals in (references, estimates))
    window = int(window_seconds * _model.rate)
    scores = score_track(job.track.name, job.system, targets, references, estimates, window, scorer)
    return Scored(scores, seconds)


@contextmanager
def _pool(folder: Path, merged: tuple[str, ...], processes: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes; on an error what waits is dropped, so that the error is seen at once."""
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _start, (folder, merged))
    with _one_thread():
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Have BLAS start with one thread in processes made in this block: it reads the environment when it loads."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _result(future: Future[Scored]) -> Scored:
    try:
        return future.result()
    except BrokenProcessPool:
        raise UserError(
            "a scoring process died, most likely for want of memory (a song of four minutes takes about 5.4 GB): "
            "free some, or give this step fewer processors (`taskset -c 0 …`)"
        ) from None


def _processes(jobs: Sequence[Job], folder: Path) -> int:
    """Return how many processes fit the processors, the free memory and the work; each holds the model in `folder`."""
    model = load_model(folder)
    seconds = max(job.track.duration for job in jobs) * len(scored_targets(model.targets))
    # a copy as it was trained, and one made ready
    each = _PROCESS_BYTES + 2 * (folder / WEIGHTS).stat().st_size + _SECOND_BYTES * seconds
    fitting = int(psutil.virtual_memory().available // each)
    return max(1, min(available_cores(), fitting, len(jobs)))


def _longest_first(job: Job) -> float:
    return -job.track.duration
