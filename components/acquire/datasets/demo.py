"""The demo dataset, which needs no network: synthetic songs to train on, and one real song to test on."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import demo_songs
from components.acquire.config import AcquireConfig
from components.acquire.datasets.collection import Collection, SourceStem, SourceTrack
from components.acquire.files.track_names import artist_and_title
from components.core.base.files import digest_folder, whole_file
from components.core.base.parallel import map_in_processes
from components.core.sound import ffmpeg

DATASET = "demo"
RATE = 44_100
EXCERPT_STREAMS = ("mixture", "drums", "bass", "other", "vocals")
_SUFFIX = ".stem.mp4"


@dataclass(frozen=True)
class _Song:
    seed: int
    seconds: float
    folder: Path


def find(config: AcquireConfig, scratch: Path) -> Collection:
    """Render the songs that `scratch` lacks; the test track is the MUSDB18 excerpt that stempeg contains."""
    songs = _plan_songs(config, scratch)
    missing = [song for song in songs if not song.folder.is_dir()]
    for _ in map_in_processes(_render, missing, "demo songs", "songs"):
        pass
    tracks = (_excerpt(), *map(_track, songs))
    note = (
        f"{len(songs)} songs of {config.demo_seconds:g} s made from seed {config.seed}, and one real excerpt to test on"
    )
    return Collection(DATASET, tracks, config.validation_share, note=note)


def _plan_songs(config: AcquireConfig, scratch: Path) -> list[_Song]:
    # the digest of the renderer's code keeps songs of different versions apart
    code = digest_folder(Path(demo_songs.__file__).parent, "*.py")[:12]
    folder = scratch / "demo" / f"{code}-{config.demo_seconds:g}s"
    seeds = map(int, np.random.SeedSequence(config.seed).generate_state(config.demo_songs))
    return [_Song(seed, config.demo_seconds, folder / str(seed)) for seed in dict.fromkeys(seeds)]


def _render(song: _Song) -> None:
    stems = demo_songs.render_song(song.seed, song.seconds, RATE)
    partial = song.folder.with_name(f"{song.folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for stem in demo_songs.STEMS:
        with whole_file(partial / f"{stem}.flac") as path:
            soundfile.write(path, stems[stem].T, RATE, subtype="PCM_16", format="FLAC")
    partial.rename(song.folder)


def _track(song: _Song) -> SourceTrack:
    artist, title = demo_songs.singer_of(song.seed), demo_songs.song_title(song.seed)
    stems = tuple(SourceStem(stem, song.folder / f"{stem}.flac") for stem in demo_songs.STEMS)
    return SourceTrack(DATASET, f"{artist} - {title}", artist, title, None, stems)


def _excerpt() -> SourceTrack:
    ffmpeg.add_ffmpeg_to_path()
    import stempeg  # its import looks for ffmpeg

    path = Path(stempeg.example_stem_path())
    name = path.name.removesuffix(_SUFFIX)
    artist, title = artist_and_title(name)
    stems = tuple(SourceStem(stem, path, stream) for stream, stem in enumerate(EXCERPT_STREAMS))
    return SourceTrack(DATASET, name, artist, title, "test", stems)
