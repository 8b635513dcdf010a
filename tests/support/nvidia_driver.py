"""A stand-in for the program `nvidia-smi` of NVIDIA's driver."""

import os
from pathlib import Path

import pytest


def install_nvidia_smi(folder: Path, gpus: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an `nvidia-smi` first on PATH that lists the names `gpus`, whatever it is asked."""
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + "".join(f"echo '{name}'\n" for name in gpus), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
