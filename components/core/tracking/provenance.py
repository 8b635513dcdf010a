"""The origin of a result: code, data, parameters, packages, machine."""

import hashlib
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from components.core.base.parallel import available_cores

PACKAGES: tuple[str, ...] = ("torch", "torchaudio", "numpy", "scipy", "soundfile", "soxr", "mutagen", "museval")
PACKAGES += ("mlflow", "dvc", "prefect", "stemline")
_HERE = Path(__file__).parents[3]


def git_commit() -> str:
    """Return the commit of this code, with `-dirty` appended when tracked files were changed."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "unknown"
    return f"{commit}-dirty" if _git("status", "--porcelain", "--untracked-files=no") else commit


def lock_digest(path: Path = Path("dvc.lock")) -> str:
    """Return the SHA-256 of dvc.lock: one number for all data, parameters and results of the stages before."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that influence the samples of a stem."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "absent"
    return versions


def machine() -> dict[str, str]:
    """Return the properties of this machine that influence the last bits of a result."""
    return {"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()}


def hardware() -> str:
    """Return a description of this machine's GPUs; without GPUs, of its processor and cores."""
    gpus = _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").splitlines()
    if gpus:
        return f"{len(gpus)} x {gpus[0]}"
    return f"{processor()}, no GPU"


def processor() -> str:
    """Return a description of the processor and the number of cores that this process may use."""
    return f"{_model_name()}, {available_cores()} cores"


def _model_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _git(*arguments: str) -> str:
    # in the folder of the code: `stemline separate` runs anywhere
    return _output("git", "-C", str(_HERE), *arguments)


def _output(*command: str) -> str:
    """Return the output of a command; empty when it fails or is not installed."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
