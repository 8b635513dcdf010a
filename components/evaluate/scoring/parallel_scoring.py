"""All tracks through all systems, in parallel processes of one thread each.

museval's linear algebra gains nothing from more threads, but scoring gains from more processes. Each process loads the
model once.
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
from components.core.models.model_description import WEIGHTS
from components.core.models.model_folder import Model, load_model
from components.core.separating.postprocessing_config import PostProcessing
from components.evaluate.scoring.merged_stems import merge_targets
from components.evaluate.scoring.systems import estimator
from components.evaluate.scoring.track_scores import TrackScores, score_track
from components.evaluate.scoring.track_signals import read_signals, scored_targets, with_accompaniment

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# measured in stereo at 44.1 kHz: a process with torch and museval, and a second of the track for each scored target
_PROCESS_BYTES = 0.6e9
_SECOND_BYTES = 10e6


@dataclass(frozen=True)
class Scoring:
    """The settings that all jobs of one evaluation share.

    model            folder of the model
    merged           its targets that are scored as part of `other`
    post             post-processings by name
    window_seconds   length of a frame
    scorer           a name in SCORERS
    """

    model: Path
    merged: tuple[str, ...]
    post: Mapping[str, PostProcessing]
    window_seconds: float
    scorer: str


@dataclass(frozen=True)
class Scored:
    """The scores of one system on one track, and the seconds that its estimates took on one core."""

    scores: TrackScores
    seconds: float


def score_all(scoring: Scoring, tracks: Sequence[Track], systems: Sequence[str]) -> list[Scored]:
    """Score every system on every track; the results are ordered by track, then system.

    Raises UserError when a track cannot be read or a process dies.
    """
    jobs = [(track, system) for track in tracks for system in systems]
    progress = Progress("evaluate", round(sum(track.duration for track, _ in jobs), 1), "s of audio")
    scores: dict[tuple[str, str], Scored] = {}
    longest_first = sorted(jobs, key=lambda job: -job[0].duration)  # so that no long track is left alone at the end
    with _pool(scoring, _process_count(scoring, tracks, len(jobs))) as pool:
        waiting = {pool.submit(_score, scoring, track, system): (track, system) for track, system in longest_first}
        for future in as_completed(waiting):
            track, system = waiting[future]
            scores[track.name, system] = _result(future)
            progress.advance(track.duration, f"{track.title}, {system}")
    return [scores[track.name, system] for track, system in jobs]


_model: Model | None = None


def _start(scoring: Scoring) -> None:
    global _model
    end_with_pool_owner()
    torch.set_num_threads(1)
    _model = merge_targets(load_model(scoring.model), scoring.merged)


def _score(scoring: Scoring, track: Track, system: str) -> Scored:
    assert _model is not None
    mixture, references = read_signals(_model, track)
    started = time.thread_time()
    estimates = estimator(system, scoring.post)(_model, mixture, references)
    seconds = time.thread_time() - started
    targets = scored_targets(_model.targets)
    references, estimates = (with_accompaniment(_model.targets, signals) for signals in (references, estimates))
    window = int(scoring.window_seconds * _model.rate)
    return Scored(score_track(track.name, system, targets, references, estimates, window, scoring.scorer), seconds)


@contextmanager
def _pool(scoring: Scoring, processes: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of new processes; after an error the waiting jobs are dropped, so that the error shows at once."""
    context = get_context("forkserver")
    # importing torch and museval takes seconds: the fork server does it once for all its children
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(processes, context, _start, (scoring,))
    with _one_blas_thread():
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Let processes that start inside this block use one BLAS thread: BLAS reads the environment when it loads."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
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
            "evaluate: a scoring process died, probably from lack of memory (a song of four minutes takes about "
            "5.4 GB): free some memory, or give this step fewer processors (`taskset -c 0 …`)"
        ) from None


def _process_count(scoring: Scoring, tracks: Sequence[Track], jobs: int) -> int:
    """Return the number of processes that suits the processors, the free memory and the number of jobs."""
    model = load_model(scoring.model)
    seconds = max(track.duration for track in tracks) * len(scored_targets(model.targets))
    weights = (scoring.model / WEIGHTS).stat().st_size
    # a process holds the trained network and its copy that is optimised for inference
    each = _PROCESS_BYTES + 2 * weights + _SECOND_BYTES * seconds
    fitting = int(psutil.virtual_memory().available // each)
    return max(1, min(available_cores(), fitting, jobs))
