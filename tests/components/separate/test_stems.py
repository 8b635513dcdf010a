"""The promise about stems: the source's length, rate and channels, and they add up to it. For any recording."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from core.tiny import TARGETS, noise, save_tiny_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from components.core import audio
from components.core.bundle import Model, load_model
from components.core.errors import UserError
from components.core.postprocessing import PostProcessing
from components.separate.quantise import add_up, encoding_for
from components.separate.recording import SampleQueue
from components.separate.separate import write_stems

RATES = (8000, 16000, 22050, 44100, 48000, 96000)
INTEGERS = {"PCM_U8": 16, "PCM_S8": 16, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLOATS = ("FLOAT", "DOUBLE")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load_model(save_tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A mono model of four stems at a low rate."""
    targets = ("vocals", "drums", "bass", "other")
    return load_model(save_tiny_model(tmp_path_factory.mktemp("four"), targets, channels=1, rate=16000))


def _read(path: Path, dtype: str) -> NDArray[Any]:
    samples: NDArray[Any] = soundfile.read(path, dtype=dtype, always_2d=True)[0]
    return samples.T


def check(model: Model, recording: Path, folder: Path) -> dict[str, NDArray[Any]]:
    """Separate `recording` and hold the stems to the promise; return them as floats."""
    folder.mkdir(exist_ok=True)
    paths = write_stems(model, PostProcessing(), recording, folder)
    assert tuple(paths) == model.targets
    info = audio.probe(recording)
    encoding = encoding_for(info.subtype)
    for path in paths.values():
        written = soundfile.info(path)
        assert (written.samplerate, written.channels, written.subtype) == (info.rate, info.channels, encoding.subtype)
    if encoding.bits:
        _add_up_exactly([_read(path, "int32") for path in paths.values()], recording, encoding.bits)
    else:
        _add_up_nearly([_read(path, "float64") for path in paths.values()], recording, encoding.dtype)
    return {name: _read(path, "float64") for name, path in paths.items()}


def _add_up_exactly(stems: list[NDArray[Any]], recording: Path, bits: int) -> None:
    source = _read(recording, "int32").astype(np.int64)
    total = sum(stem.astype(np.int64) for stem in stems)
    assert np.shape(total) == source.shape
    assert np.array_equal(total, source)
    assert all(not (stem & ((1 << (32 - bits)) - 1)).any() for stem in stems)


def _add_up_nearly(stems: list[NDArray[Any]], recording: Path, dtype: str) -> None:
    """Within half a unit in the last place of the last stem, which the format cannot hold better."""
    blocks = list(audio.read_blocks(recording, 1 << 20, dtype=dtype))
    source = np.concatenate(blocks, axis=1) if blocks else np.zeros((stems[0].shape[0], 0))
    total = np.sum(stems, axis=0)
    assert total.shape == source.shape
    step = np.spacing(np.abs(stems[-1]).astype(np.float32)).astype(np.float64)
    assert (np.abs(total - source) <= step).all()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_rates_and_channels(model: Model, tmp_path: Path, rate: int, channels: int, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(rate, 3001, channels, 0.5).T, rate, subtype)
    stems = check(model, path, tmp_path / "stems")
    assert all(np.abs(stem).max() > 0.001 for stem in stems.values())


@pytest.mark.parametrize("subtype", [*INTEGERS, *FLOATS, "ULAW", "ALAW"])
@pytest.mark.parametrize("channels", [1, 2])
def test_sample_formats(model: Model, four: Model, tmp_path: Path, subtype: str, channels: int) -> None:
    path = tmp_path / ("a.flac" if subtype == "PCM_S8" else "a.wav")
    soundfile.write(path, noise(7, 2500, channels, 0.9).T, 22050, subtype)
    check(model, path, tmp_path / "stems")
    check(four, path, tmp_path / "four")
    assert encoding_for(subtype).bits == INTEGERS.get(subtype, 0)


@pytest.mark.parametrize("name", ["a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_containers(model: Model, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, noise(3, 44100, 2, 0.5).T, 44100)
    check(model, path, tmp_path / "stems")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    samples=st.one_of(st.integers(0, 20), st.integers(0, 3000), st.sampled_from([65535, 65536, 65537, 70000])),
    rate=st.sampled_from(RATES),
    subtype=st.sampled_from([*[name for name in INTEGERS if name != "PCM_S8"], *FLOATS]),
    channels=st.integers(1, 5),
    level=st.sampled_from([0.0, 0.001, 0.3, 1.0]),
)
def test_any_recording(
    model: Model, tmp_path: Path, samples: int, rate: int, subtype: str, channels: int, level: float
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(samples, samples, channels, level).T, rate, subtype)
    check(model, path, tmp_path / "stems")


@pytest.mark.parametrize("samples", [1, 2, 3, 511, 1024, 1025])
@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_few_samples(four: Model, tmp_path: Path, samples: int, rate: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(samples, samples, 2, 0.5).T, rate, "PCM_16")
    check(four, path, tmp_path / "stems")


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("rate", [44100, 8000])
def test_full_scale_square_waves_do_not_clip(model: Model, tmp_path: Path, subtype: str, rate: int) -> None:
    """Masks overshoot at the edges of a square wave; a clipped stem would break the sum, or wrap around."""
    square = np.where(np.arange(4000) // 25 % 2, np.iinfo(np.int32).max, np.iinfo(np.int32).min).astype(np.int32)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([square, -square - 1], axis=1), rate, subtype)
    check(model, path, tmp_path / "stems")


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_estimates_far_out_are_held_in_the_format(bits: int) -> None:
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


def test_stems_are_the_estimates_where_they_fit() -> None:
    estimates = np.array([[[0.25, -0.5]], [[0.1, 0.1]]], np.float32)
    recording = np.array([[2**30, 0]], np.int32)
    stems = add_up(encoding_for("PCM_16"), recording, estimates)
    assert (stems[0] / 2**31).tolist() == [[0.25, -0.5]]
    assert (stems[1] / 2**31).tolist() == [[0.25, 0.5]]


def test_the_same_recording_gives_the_same_bytes(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1, 9000, 3).T, 48000)
    for name in ("first", "second"):
        check(model, path, tmp_path / name)
    for target in TARGETS:
        first, second = (tmp_path / name / f"{target}.wav" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()


def test_channels_of_a_pair_do_not_touch_the_third(model: Model, tmp_path: Path) -> None:
    """Three channels go through a stereo model as two and one."""
    sound = noise(1, 5000, 3)
    for name, third in (("a", sound[2]), ("b", 0 * sound[2])):
        soundfile.write(tmp_path / f"{name}.wav", np.stack([sound[0], sound[1], third], axis=1), 44100)
    first, second = (check(model, tmp_path / f"{name}.wav", tmp_path / name) for name in ("a", "b"))
    assert np.array_equal(first["vocals"][:2], second["vocals"][:2])
    assert not second["vocals"][2].any()


def test_rubbish_is_one_line(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"rubbish" * 100)
    with pytest.raises(UserError, match="is not readable audio"):
        write_stems(model, PostProcessing(), path, tmp_path)


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(0, 9), max_size=8), wanted=st.lists(st.integers(0, 9), max_size=12))
def test_a_queue_hands_out_all_samples_in_order_and_then_silence(sizes: list[int], wanted: list[int]) -> None:
    whole = np.arange(1, sum(sizes) + 1, dtype=np.float32)
    blocks = (block[np.newaxis] for block in np.split(whole, np.cumsum(sizes)))
    queue = SampleQueue(blocks, (1,))
    taken = [queue.take(size) for size in wanted]
    assert [part.shape for part in taken] == [(1, size) for size in wanted]
    found = np.concatenate([np.zeros((1, 0), np.float32), *taken], axis=1)[0]
    assert np.array_equal(found, np.pad(whole, (0, sum(wanted)))[: sum(wanted)])
