"""Checks of Python, its packages, and the programs that Stemline starts."""

import platform
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from components.core.base.errors import UserError
from components.core.sound.ffmpeg import find_tool
from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
"""The requirements of a checkout; an installed package has them in its metadata."""

_PACKAGE = "stemline"
_DEVELOPMENT_EXTRA = "dev"
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")

_FITS = "fits"
_ABSENT = "not installed"

_START_SECONDS = 10.0
_VERSION = re.compile(r"version\s+(\S+)")


@dataclass(frozen=True)
class Requirements:
    """The required version of Python, and each required package with its extra; no extra is an empty string."""

    python: str
    packages: tuple[tuple[str, Requirement], ...]


def check_packages() -> Findings:
    """Compare the installed versions with the required ones."""
    required = _read_project(PROJECT) if PROJECT.is_file() else _read_metadata()
    yield _check_python(required.python)
    yield from _check_needed([requirement for extra, requirement in required.packages if not extra])
    for name in sorted({extra for extra, _ in required.packages} - {"", _DEVELOPMENT_EXTRA}):
        yield _check_extra(name, [requirement for extra, requirement in required.packages if extra == name])


def check_programs() -> Findings:
    """Find ffmpeg, ffprobe and git, and start each."""
    for name in ("ffmpeg", "ffprobe"):
        try:
            path = find_tool(name)
        except UserError as error:
            yield problem(name, "not found", str(error))
        else:
            yield _start_program(name, path, "-version")
    git = shutil.which("git")
    if git is None:
        yield problem("git", "not found", "sudo apt-get install git: every run records its commit")
    else:
        yield _start_program("git", git, "--version")


def _read_project(path: Path) -> Requirements:
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project.get("optional-dependencies", {})}
    packages = [(extra, Requirement(line)) for extra, lines in groups.items() for line in lines]
    return Requirements(project["requires-python"], tuple(packages))


def _read_metadata() -> Requirements:
    packages = []
    for line in metadata.requires(_PACKAGE) or ():
        requirement = Requirement(line)
        extra = _EXTRA.search(str(requirement.marker or ""))
        packages.append((extra.group(1) if extra else "", requirement))
    return Requirements(metadata.metadata(_PACKAGE)["Requires-Python"], tuple(packages))


def _check_python(required: str) -> Finding:
    version = platform.python_version()
    if SpecifierSet(required).contains(version, prereleases=True):
        return ok("Python", f"{version} ({required} is required)")
    return problem("Python", f"{version}, but {required} is required", "make setup PYTHON=… with a newer Python")


def _check_needed(requirements: list[Requirement]) -> Iterator[Finding]:
    wrong = [(requirement, state) for requirement in requirements if (state := _installed_state(requirement)) != _FITS]
    for requirement, state in wrong:
        yield problem(requirement.name, f"{state}, but {requirement} is required", "make setup")
    fitting = len(requirements) - len(wrong)
    if fitting:
        bounded = sum(bool(requirement.specifier) for requirement in requirements)
        yield ok("packages", f"{fitting} of {len(requirements)} fit pyproject.toml, which bounds {bounded} of them")


def _check_extra(extra: str, requirements: list[Requirement]) -> Finding:
    subject, install = f"extra {extra}", f"pip install 'stemline[{extra}]'"
    states = {requirement.name: _installed_state(requirement) for requirement in requirements}
    wrong = [f"{name} {state}" for name, state in states.items() if state not in (_FITS, _ABSENT)]
    if wrong:
        return warning(subject, f"{', '.join(wrong)} does not fit pyproject.toml", install)
    missing = [name for name, state in states.items() if state == _ABSENT]
    if missing:
        return not_used(subject, f"without {', '.join(missing)}", install)
    return ok(subject, f"{', '.join(states)}: installed, and fit pyproject.toml")


def _installed_state(requirement: Requirement) -> str:
    """Return `fits`, `not installed`, or the installed version that does not fit."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return _ABSENT
    return _FITS if requirement.specifier.contains(version, prereleases=True) else version


def _start_program(name: str, path: str, option: str) -> Finding:
    try:
        result = subprocess.run([path, option], capture_output=True, text=True, check=True, timeout=_START_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        return problem(name, f"{path} does not start: {error}", f"install it again: sudo apt-get install {name}")
    version = _VERSION.search(result.stdout)
    return ok(name, f"{version.group(1) if version else 'version unknown'}, {path}")
