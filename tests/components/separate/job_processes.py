"""Jobs as commands with worker processes."""

from pathlib import Path

import psutil
import soundfile

from components.core.networks.architectures.unet import UNetConfig
from components.core.sound.stft_config import StftConfig
from tests.support.tiny_models import noise

LONG = UNetConfig(widths=(2, 4), stft=StftConfig(window=2048, hop=1024), bins=64, frames=129)
"""A network with little work per second of sound, in segments of three seconds."""
COMMAND = ("-m", "components.separate", "--models", "models")


def processes_below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def worker_processes(pid: int) -> list[psutil.Process]:
    """Return the worker processes of a job: children of its fork server, which is a child of it."""
    found = []
    for child in processes_below(pid):
        try:
            if child.ppid() != pid and "multiprocessing.forkserver" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def write_music(folder: Path, recordings: int, seconds: int) -> Path:
    folder.mkdir()
    for number in range(recordings):
        length = seconds * 44100 * (1 + number % 4) // 2
        soundfile.write(folder / f"{number:02d}.flac", noise(number, length).T, 44100)
    return folder
