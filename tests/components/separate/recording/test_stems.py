"""Stems of any recording have its length, rate and channels, and add up to it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core.data.stem_provenance import ModelUsed, Provenance, StemOptions, StemSettings
from components.core.models.model_folder import Model, load_model
from components.core.sound import decoding
from components.core.stores.selection import ListedFile
from components.separate.recording.inspection import Unfit
from components.separate.recording.quantisation import encoding_for
from components.separate.recording.stem_estimation import SampleQueue
from components.separate.recording.stem_files import FORMATS
from components.separate.recording.stems import RecordingFile, Separation, separate_file
from tests.components.separate.parameters import separate_config
from tests.support.tiny_models import TARGETS, noise, save_tiny_model

RATES = (8000, 16000, 22050, 44100, 48000, 96000)
INTEGERS = {"PCM_U8": 16, "PCM_S8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOATS = ("FLOAT", "DOUBLE")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(save_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def model_of_four_stems(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A mono model of four stems at a low rate."""
    targets = ("vocals", "drums", "bass", "other")
    return load_model(save_tiny_model(tmp_path_factory.mktemp("four"), targets, channels=1, rate=16000))


def _read(path: Path, dtype: str) -> NDArray[Any]:
    samples: NDArray[Any] = soundfile.read(path, dtype=dtype, always_2d=True)[0]
    return samples.T


def separated(model: Model, path: Path, folder: Path, **config: Any) -> Provenance:
    """Separate the recording at `path` to `folder`, without a picture."""
    folder.mkdir(exist_ok=True)
    parameters = separate_config(pictures=False, precision="fp32", **config)
    used = ModelUsed(name="tiny", sha256=model.digest, network={}, targets=model.targets)
    options = StemOptions(
        format=parameters.format, post={}, precision="fp32", stems=parameters.stems or model.targets
    )  # fmt: skip
    settings = StemSettings(model=used, options=options)
    separation = Separation(model, settings, model.separator, None, parameters, 1)
    recording = RecordingFile(path, "", str(path.parent), ListedFile(path.name, path.stat().st_size, ""))
    return separate_file(separation, recording, folder)


def _count_clipped(made: Provenance) -> dict[str, int]:
    return {target: stem.clipped for target, stem in made.stems.items()}


def check(model: Model, recording: Path, folder: Path, format: str = "wav") -> dict[str, NDArray[Any]]:
    """Separate `recording`, require the promise about stems, and return them as floats."""
    made = separated(model, recording, folder, format=format)
    assert made.format is not None
    assert tuple(made.stems) == model.targets
    paths = {target: folder / stem.file for target, stem in made.stems.items()}
    info, encoding = decoding.describe_recording(recording).info, encoding_for(made.format.subtype)
    for path in paths.values():
        written = soundfile.info(path)
        assert (written.samplerate, written.channels, written.subtype) == (info.rate, info.channels, encoding.subtype)
    source = encoding_for(info.subtype)
    assert encoding.bits >= source.bits
    samples = np.concatenate(
        list(decoding.describe_recording(recording).read_blocks(1 << 20, dtype=source.dtype)), axis=1
    )
    stems = [_read(path, encoding.dtype) for path in paths.values()]
    assert all(stem.shape == samples.shape for stem in stems)
    if source.bits:
        _require_exact_sum(stems, samples, encoding.bits)
    elif encoding.bits:
        _require_sum_within_a_step(stems, samples, encoding.bits)
    else:
        _require_near_sum(stems, samples)
    return {name: _read(path, "float64") for name, path in paths.items()}


def _require_exact_sum(stems: list[NDArray[Any]], source: NDArray[Any], bits: int) -> None:
    assert np.array_equal(sum(stem.astype(np.int64) for stem in stems), source)
    assert all(not (stem & ((1 << (32 - bits)) - 1)).any() for stem in stems)


def _require_sum_within_a_step(stems: list[NDArray[Any]], source: NDArray[Any], bits: int) -> None:
    total = np.sum([stem.astype(np.float64) for stem in stems], axis=0) / 2.0**31
    assert np.abs(total - source).max() <= 2.0 ** (1 - bits)


def _require_near_sum(stems: list[NDArray[Any]], source: NDArray[Any]) -> None:
    """Require a sum within half a unit in the last place of the last stem, the limit of the format."""
    step = np.spacing(np.abs(stems[-1]).astype(np.float32)).astype(np.float64)
    assert (np.abs(np.sum(stems, axis=0) - source) <= step).all()


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_stems_keep_rates_and_channels(model: Model, tmp_path: Path, rate: int, channels: int, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(rate, 3001, channels, 0.5).T, rate, subtype)
    stems = check(model, path, tmp_path / "stems")
    assert all(np.abs(stem).max() > 0.001 for stem in stems.values())


@pytest.mark.parametrize("subtype", [*INTEGERS, *FLOATS, "ULAW", "ALAW"])
@pytest.mark.parametrize("channels", [1, 2])
def test_stems_keep_sample_formats(
    model: Model, model_of_four_stems: Model, tmp_path: Path, subtype: str, channels: int
) -> None:
    path = tmp_path / ("a.flac" if subtype == "PCM_S8" else "a.wav")
    soundfile.write(path, noise(7, 2500, channels, 0.9).T, 22050, subtype)
    check(model, path, tmp_path / "stems")
    check(model_of_four_stems, path, tmp_path / "four")
    assert encoding_for(subtype).bits == INTEGERS.get(subtype, 0)


def test_model_of_one_stem_also_returns_the_remainder(tmp_path: Path) -> None:
    model_of_one_stem, path = load_model(save_tiny_model(tmp_path / "model", ("vocals",))), tmp_path / "a.wav"
    soundfile.write(path, noise(7, 5000, 2, 0.5).T, 44100, "PCM_16")
    stems = check(model_of_one_stem, path, tmp_path / "stems")
    assert list(stems) == ["vocals", "accompaniment"]
    assert all(np.abs(stem).max() > 0.01 for stem in stems.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff"])
@pytest.mark.parametrize("format", FORMATS)
def test_recordings_in_any_container_are_separated(model: Model, tmp_path: Path, name: str, format: str) -> None:
    path = tmp_path / name
    soundfile.write(path, noise(3, 44100, 2, 0.3).T, 44100)
    check(model, path, tmp_path / "stems", format)
    assert sorted(stem.name for stem in (tmp_path / "stems").iterdir()) == sorted(f"{t}.{format}" for t in TARGETS)


def test_clipped_samples_of_a_stem_are_limited_and_counted(model: Model, tmp_path: Path) -> None:
    """A stem in floats may exceed full scale; integers can't."""
    path = tmp_path / "a.wav"
    square = np.where(np.arange(4000) // 25 % 2, 0.999, -0.999)
    soundfile.write(path, np.stack([square, -square], axis=1), 44100, "FLOAT")
    stems = check(model, path, tmp_path / "floats")
    beyond = {name: int((np.abs(stem) > 1.0).sum()) for name, stem in stems.items()}
    assert any(beyond.values())
    assert not any(_count_clipped(separated(model, path, tmp_path / "floats")).values())
    soundfile.write(path, np.stack([square, -square], axis=1), 44100, "PCM_24")
    held = _count_clipped(separated(model, path, tmp_path / "integers"))
    assert all(abs(held[name] - beyond[name]) <= 2 for name in TARGETS)
    check(model, path, tmp_path / "integers")


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=st.one_of(st.integers(1, 20), st.integers(1, 3000), st.sampled_from([65535, 65536, 65537, 70000])),
    rate=st.sampled_from(RATES),
    subtype=st.sampled_from([*[name for name in INTEGERS if name != "PCM_S8"], *FLOATS]),
    channels=st.integers(1, 5),
    level=st.sampled_from([0.001, 0.3, 1.0]),
    format=st.sampled_from(sorted(FORMATS)),
)
def test_stems_of_any_recording_keep_the_promise(
    model: Model, tmp_path: Path, samples: int, rate: int, subtype: str, channels: int, level: float, format: str
) -> None:
    path = tmp_path / "a.wav"
    sound = noise(samples, samples, channels, level)
    sound[0, 0] = level + 2.0**-6  # heard in 8 bits, too
    soundfile.write(path, sound.T, rate, subtype)
    check(model, path, tmp_path / "stems", format)


@pytest.mark.parametrize("samples", [1, 2, 3, 511, 1024, 1025])
@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_stems_of_few_samples_keep_the_promise(
    model_of_four_stems: Model, tmp_path: Path, samples: int, rate: int
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(samples, samples, 2, 0.5).T, rate, "PCM_16")
    check(model_of_four_stems, path, tmp_path / "stems")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("rate", [44100, 8000])
def test_full_scale_square_waves_do_not_clip(model: Model, tmp_path: Path, subtype: str, rate: int) -> None:
    """Masks overshoot at the edges of a square wave; a clipped stem would break the sum, or wrap around."""
    square = np.where(np.arange(4000) // 25 % 2, np.iinfo(np.int32).max, np.iinfo(np.int32).min).astype(np.int32)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([square, -square - 1], axis=1), rate, subtype)
    check(model, path, tmp_path / "stems")


def test_same_recording_gives_the_same_bytes(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1, 9000, 3).T, 48000)
    for name in ("first", "second"):
        check(model, path, tmp_path / name)
    for target in TARGETS:
        first, second = (tmp_path / name / f"{target}.wav" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_third_channel_is_separated_alone(model: Model, tmp_path: Path) -> None:
    """A stereo model separates three channels as a pair and a single one."""
    sound = noise(1, 5000, 3)
    for name, third in (("a", sound[2]), ("b", 0 * sound[2])):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([sound[0], sound[1], third], axis=1), 44100)
    first, second = (check(model, tmp_path / f"{name}.wav", tmp_path / name) for name in ("a", "b"))
    assert np.array_equal(first["vocals"][:2], second["vocals"][:2])
    assert not second["vocals"][2].any()


def test_file_without_audio_is_unfit(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(Unfit, match="not readable audio"):
        separated(model, path, tmp_path)


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=8), wanted=st.lists(st.integers(0, 9), max_size=12))
def test_queue_returns_all_samples_in_order_and_then_silence(sizes: list[int], wanted: list[int]) -> None:
    expected = np.arange(1, sum(sizes) + 1, dtype=np.float32)
    blocks = (block[np.newaxis] for block in np.split(expected, np.cumsum(sizes)))
    queue = SampleQueue(blocks, (1,))
    pieces = [queue.take(size) for size in wanted]
    assert [part.shape for part in pieces] == [(1, size) for size in wanted]
    found = np.concatenate([np.zeros((1, 0), np.float32), *pieces], axis=1)[0]
    assert np.array_equal(found, np.pad(expected, (0, sum(wanted)))[: sum(wanted)])
