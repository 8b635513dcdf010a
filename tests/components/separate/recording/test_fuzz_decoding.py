"""Thousands of damaged files: each is fit or Unfit, and none crashes, hangs or exhausts memory. Slow."""

import random
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.sound import ffmpeg
from tests.support.tiny_models import environment, noise

pytestmark = pytest.mark.slow

RATE, SAMPLES = 22050, 4410
SECONDS = 20
"""Seconds after which a file counts as hanging; all are decoded within one second."""
MEGABYTES = 150
"""The memory limit of the process that inspects all files, including Python and NumPy."""
MUTANTS = {"stored": 200, "decoded": 40}
"""Mutants of each seed: libsndfile runs in this process, and ffmpeg needs two processes per file."""

CHILD = f"""
import resource, signal, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from components.separate.config import Limits
from components.separate.recording.inspection import Unfit, inspect
limits = Limits(hours=24, expansion=2000, decoder_seconds={SECONDS // 4})
for line in sys.stdin:
    path = Path(line.rstrip("\\n"))
    print(path.name, end=" ", flush=True)
    signal.alarm({SECONDS})  # nobody handles it: it ends the process
    try:
        inspect(path, limits)
        print("fit", flush=True)
    except Unfit as error:
        print("unfit", str(error).isprintable(), flush=True)
# not getrusage: that has the parent's, too, from before exec
print("peak", int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) >> 10)
"""

Mutation = Callable[[random.Random, bytes], bytes]


def _stored_seeds(folder: Path) -> Iterator[Path]:
    """Return files for libsndfile in all containers and sample formats."""
    rows = [
        ("u8.wav", "PCM_U8", "WAV", 1),
        ("16.wav", "PCM_16", "WAV", 2),
        ("24.wav", "PCM_24", "WAVEX", 6),
        ("float.wav", "FLOAT", "WAV", 2),
        ("double.wav", "DOUBLE", "WAV", 1),
        ("ulaw.wav", "ULAW", "WAV", 1),
        ("16.rf64", "PCM_16", "RF64", 2),
        ("32.w64", "PCM_32", "W64", 2),
        ("16.aiff", "PCM_16", "AIFF", 2),
        ("float.aiff", "FLOAT", "AIFF", 1),
        ("24.caf", "PCM_24", "CAF", 2),
        ("alac.caf", "ALAC_16", "CAF", 2),
        ("16.au", "PCM_16", "AU", 2),
        ("alaw.au", "ALAW", "AU", 1),
        ("8.flac", "PCM_S8", "FLAC", 1),
        ("16.flac", "PCM_16", "FLAC", 2),
        ("24.flac", "PCM_24", "FLAC", 8),
    ]
    for name, subtype, container, channels in rows:
        soundfile.write(folder / name, noise(0, SAMPLES, channels).T, RATE, subtype, format=container)
        yield folder / name


def _decoded_seeds(folder: Path) -> Iterator[Path]:
    """Return files for ffmpeg."""
    source = folder / "16.wav"
    rows = {
        "a.mp3": "-c:a libmp3lame",
        "a.ogg": "-c:a libvorbis",
        "flac.ogg": "-c:a flac",
        "a.opus": "-c:a libopus -ar 48000",
        "a.m4a": "-c:a aac",
        "alac.m4a": "-c:a alac -movflags +faststart",
        "fragmented.mp4": "-c:a aac -movflags frag_keyframe+empty_moov",
        "a.aac": "-c:a aac",
        "a.wma": "-c:a wmav2",
        "a.mka": "-c:a flac",
        "a.webm": "-c:a libopus -ar 48000",
        "adpcm.wav": "-c:a adpcm_ima_wav",
        "a.tta": "-c:a tta",
        "a.wv": "-c:a wavpack",
        "a.ac3": "-c:a ac3 -ar 44100",
    }
    for name, options in rows.items():
        command = [ffmpeg.find_tool("ffmpeg"), "-v", "error", "-i", str(source), *options.split(), str(folder / name)]
        subprocess.run(command, check=True)
        yield folder / name


def _flip(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 2, 8, 64))):
        changed[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randrange(len(data))]


def _cut_out(draw: random.Random, data: bytes) -> bytes:
    begin, end = sorted(draw.choices(range(len(data)), k=2))
    return data[:begin] + data[end:]


def _repeat(draw: random.Random, data: bytes) -> bytes:
    begin, end = sorted(draw.choices(range(len(data)), k=2))
    return data[:end] + data[begin:end] * draw.randint(1, 3) + data[end:]


def _blank(draw: random.Random, data: bytes) -> bytes:
    begin = draw.randrange(len(data))
    size = draw.randrange(1, 200)
    return data[:begin] + draw.choice((b"\0", b"\xff", b"\x80")) * size + data[begin + size :]


def _field(draw: random.Random, data: bytes, reach: int = 200) -> bytes:
    """Overwrite a possible size, rate or number of channels with an extreme number."""
    numbers = (0, 1, 2, 0x7F, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 40)
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        layout = struct.Struct(draw.choice(("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")))
        place = draw.randrange(min(reach, len(data)))
        number = draw.choice((*numbers, draw.getrandbits(64))) & ((1 << 8 * layout.size) - 1)
        changed[place : place + layout.size] = layout.pack(number)
    return bytes(changed)


def _splice(others: list[bytes], draw: random.Random, data: bytes) -> bytes:
    other = draw.choice(others)
    return data[: draw.randrange(len(data))] + other[draw.randrange(len(other)) :]


def _mutants(seed: Path, others: list[bytes], number: int) -> Iterator[tuple[str, bytes]]:
    draw = random.Random(seed.name)
    # headers decide how much memory is allocated and where reading starts
    mutations: list[Mutation] = [_flip, _cut, _cut_out, _repeat, _blank, _field, _field, _field, _field]
    mutations.append(partial(_field, reach=1 << 30))
    mutations.append(partial(_splice, others))
    for count in range(number):
        data = seed.read_bytes()
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            data = draw.choice(mutations)(draw, data) or b"\0"
        yield f"{count}-{seed.name}", data


@dataclass
class Outcome:
    """The results by name, the files at which a process ended with its exit code, and the peak memory."""

    results: dict[str, str]
    ended: dict[str, int]
    megabytes: int


def _inspect_all(paths: list[Path]) -> Outcome:
    """Inspect files in one child process, and in another after it dies, so that imports run once."""
    outcome = Outcome({}, {}, 0)
    while paths:
        lines = "".join(f"{path}\n" for path in paths)
        child = subprocess.run(
            [sys.executable, "-c", CHILD], input=lines, env=environment(), capture_output=True, text=True, check=False
        )
        answers = [line.partition(" ")[::2] for line in child.stdout.splitlines()]
        if answers and answers[-1][0] == "peak":
            outcome.megabytes = max(outcome.megabytes, int(answers.pop()[1]))
        elif answers:
            outcome.ended[answers.pop()[0]] = child.returncode
        assert answers or outcome.ended, child.stderr
        outcome.results |= answers
        paths = paths[len(answers) + (child.returncode != 0) :]
    return outcome


def _write(folder: Path, seeds: list[Path], number: int) -> Iterator[Path]:
    others = [seed.read_bytes() for seed in seeds]
    for seed in seeds:
        for name, data in _mutants(seed, others, number):
            (folder / name).write_bytes(data)
            yield folder / name


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[Path]]:
    folder = tmp_path_factory.mktemp("seeds")
    return {"stored": list(_stored_seeds(folder)), "decoded": list(_decoded_seeds(folder))}


@pytest.mark.parametrize("kind", MUTANTS)
def test_damaged_files_end_as_fit_or_unfit(tmp_path: Path, seeds: Mapping[str, list[Path]], kind: str) -> None:
    paths = list(_write(tmp_path, seeds[kind], MUTANTS[kind]))
    outcome = _inspect_all(paths)
    assert outcome.ended == {}
    assert set(outcome.results.values()) == {"fit", "unfit True"}
    assert len(outcome.results) == len(paths)
    assert 0 < outcome.megabytes < MEGABYTES


def test_undamaged_files_are_fit(seeds: Mapping[str, list[Path]]) -> None:
    outcome = _inspect_all([*seeds["stored"], *seeds["decoded"]])
    assert set(outcome.results.values()) == {"fit"}


def test_harness_notices_a_dead_child(tmp_path: Path) -> None:
    """A test of the harness: an uncaught error ends the child, and the next child inspects the other files."""
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.full(100, 0.5), RATE)
    outcome = _inspect_all([whole, tmp_path / "absent.wav", whole])
    assert outcome.ended == {"absent.wav": 1}
    assert outcome.results == {"whole.wav": "fit"}
