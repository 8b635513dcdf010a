"""The dataset that needs no network: one real song to test on, and synthetic songs to train on."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import demo_songs
from components.acquire.config import AcquireConfig
from components.acquire.datasets.collection import Collection, SourceStem, SourceTrack
from components.acquire.files.names import artist_and_title
from components.core.base.files import digest_folder, whole_file
from components.core.base.parallel import map_in_processes
from components.core.sound import ffmpeg

DATASET = "demo"
RATE = 44_100
EXCERPT_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
_SUFFIX = ".stem.mp4"


@dataclass(frozen=True)
class _Job:
    seed: int
    seconds: float
    folder: Path


def find(config: AcquireConfig, scratch: Path) -> Collection:
    """Render the songs that are not in `scratch` yet; the test track is the MUSDB18 excerpt that stempeg ships."""
    jobs = _jobs(config, scratch)
    missing = [job for job in jobs if not job.folder.is_dir()]
    for _ in map_in_processes(_render, missing, "demo songs", "songs"):
        pass
    tracks = (_excerpt(), *(_song(job) for job in jobs))
    note = (
        f"{len(jobs)} songs of {config.demo_seconds:g} s made from seed {config.seed}, and one real excerpt to test on"
    )
    return Collection(DATASET, tracks, config.validation_share, note=note)


def _jobs(config: AcquireConfig, scratch: Path) -> list[_Job]:
    # Songs of an older renderer must not be taken for new ones, so its code is part of the folder's name.
    code = digest_folder(Path(demo_songs.__file__).parent, "*.py")[:12]
    home = scratch / "demo" / f"{code}-{config.demo_seconds:g}s"
    sequence = np.random.SeedSequence(config.seed)
    seeds = [int(seed) for seed in sequence.generate_state(config.demo_songs)]
    return [_Job(seed, config.demo_seconds, home / str(seed)) for seed in dict.fromkeys(seeds)]


def _render(job: _Job) -> None:
    stems = demo_songs.render_song(job.seed, job.seconds, RATE)
    partial = job.folder.with_name(f"{job.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for stem in demo_songs.STEMS:
        with whole_file(partial / f"{stem}.flac") as path:
            soundfile.write(path, stems[stem].T, RATE, subtype="PCM_16", format="FLAC")
    partial.rename(job.folder)


def _song(job: _Job) -> SourceTrack:
    artist, title = demo_songs.singer_of(job.seed), demo_songs.song_title(job.seed)
    stems = tuple(SourceStem(stem, job.folder / f"{stem}.flac") for stem in demo_songs.STEMS)
    return SourceTrack(DATASET, f"{artist} - {title}", artist, title, None, stems)


def _excerpt() -> SourceTrack:
    ffmpeg.put_on_path()
    import stempeg  # looks for ffmpeg when it is imported

    path = Path(stempeg.example_stem_path())
    name = path.name.removesuffix(_SUFFIX)
    artist, title = artist_and_title(name)
    stems = tuple(SourceStem(stem, path, stream) for stream, stem in enumerate(EXCERPT_STREAMS))
    return SourceTrack(DATASET, name, artist, title, "test", stems)
