"""The speakers of a recording's channels are those of its stems."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.sound.decoding import describe_recording
from components.separate.recording.stem_files import StemWriter, choose_output_format
from tests.support.encoders import run_ffmpeg
from tests.support.tiny_models import noise

LAYOUTS = {"quad": 0x33, "4.0": 0x107, "5.0(side)": 0x607, "5.1": 0x3F, "5.1(side)": 0x60F, "7.1": 0x63F}


def _source(folder: Path, layout: str, name: str = "a.wav") -> Path:
    """Return a recording with channels for the speakers that ffmpeg calls `layout`."""
    channels = LAYOUTS[layout].bit_count()
    soundfile.write(folder / "plain.wav", noise(0, 3000, channels).T, 44100, "PCM_16")
    path = folder / name
    run_ffmpeg("-i", folder / "plain.wav", "-af", f"aformat=channel_layouts={layout}", path)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("format", ["wav", "flac", "caf"])
def test_stems_have_the_speakers_of_the_recording(tmp_path: Path, layout: str, format: str) -> None:
    recording = describe_recording(_source(tmp_path, layout))
    assert recording.info.mask == LAYOUTS[layout]
    samples = np.concatenate(list(recording.read_blocks(1000, "int32")), axis=1)
    output = choose_output_format(recording.info, 0.5, 3000, format)
    stem = tmp_path / f"stem{output.suffix}"
    with StemWriter(stem, output, recording.info.rate, recording.info.channels) as writer:
        writer.write(samples)
    found = describe_recording(stem)
    assert found.info == recording.info
    assert np.array_equal(np.concatenate(list(found.read_blocks(1000, "int32")), axis=1), samples)


@pytest.mark.parametrize("name", ["a.flac", "a.wv", "a.m4a", "a.ogg", "a.mka"])
def test_speakers_are_read_from_every_container(tmp_path: Path, name: str) -> None:
    assert describe_recording(_source(tmp_path, "5.1", name)).info.mask == 0x3F


def test_channels_without_speakers_stay_without(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(0, 3000, 6).T, 44100, "PCM_16", format="WAV")
    info = describe_recording(path).info
    assert info.mask == 0
    assert choose_output_format(info, 0.5, 3000, "wav").form == "WAV"
