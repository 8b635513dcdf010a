"""Python and the packages: are they the versions that pyproject.toml asks for?"""

import platform
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from components.doctor.finding import Finding, Findings, not_used, ok, problem, warning

PROJECT = Path(__file__).parents[3] / "pyproject.toml"
"""Beside the code in a checkout; where Stemline is installed as a package, what it was built from counts."""

_NAME = "stemline"
_FOR_DEVELOPERS = "dev"
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True)
class Wanted:
    """What Python and the packages must be; each requirement with the extra that it belongs to, or none."""

    python: str
    packages: tuple[tuple[str, Requirement], ...]


def check_packages() -> Findings:
    """Compare the installed versions with the wanted ones."""
    wanted = _from_project(PROJECT) if PROJECT.is_file() else _from_metadata()
    yield _python(wanted.python)
    yield from _needed([requirement for extra, requirement in wanted.packages if not extra])
    for name in sorted({extra for extra, _ in wanted.packages} - {"", _FOR_DEVELOPERS}):
        yield _optional(name, [requirement for extra, requirement in wanted.packages if extra == name])


def _from_project(path: Path) -> Wanted:
    project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    groups = {"": project["dependencies"], **project.get("optional-dependencies", {})}
    packages = [(extra, Requirement(line)) for extra, lines in groups.items() for line in lines]
    return Wanted(project["requires-python"], tuple(packages))


def _from_metadata() -> Wanted:
    packages = []
    for line in metadata.requires(_NAME) or ():
        requirement = Requirement(line)
        extra = _EXTRA.search(str(requirement.marker or ""))
        packages.append((extra.group(1) if extra else "", requirement))
    return Wanted(metadata.metadata(_NAME)["Requires-Python"], tuple(packages))


def _python(wanted: str) -> Finding:
    version = platform.python_version()
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return ok("Python", f"{version} ({wanted} is wanted)")
    return problem("Python", f"{version}, {wanted} is wanted", "make setup PYTHON=… with the name of a newer Python")


def _needed(requirements: list[Requirement]) -> Iterator[Finding]:
    wrong = [(requirement, version) for requirement, version in map(_installed, requirements) if version != _FITS]
    for requirement, version in wrong:
        yield problem(requirement.name, f"{version}, {requirement} is wanted", "make setup")
    fitting = len(requirements) - len(wrong)
    if fitting:
        pinned = sum(bool(requirement.specifier) for requirement in requirements)
        yield ok("packages", f"{fitting} of {len(requirements)} fit pyproject.toml, which bounds {pinned} of them")


def _optional(extra: str, requirements: list[Requirement]) -> Finding:
    states = [_installed(requirement) for requirement in requirements]
    missing = [requirement.name for requirement, version in states if version == _ABSENT]
    install = f"pip install 'stemline[{extra}]'"
    if wrong := [f"{requirement.name} {version}" for requirement, version in states if version not in (_FITS, _ABSENT)]:
        return warning(f"extra {extra}", f"{', '.join(wrong)} does not fit pyproject.toml", install)
    if missing:
        return not_used(f"extra {extra}", f"without {', '.join(missing)}", install)
    return ok(f"extra {extra}", f"{', '.join(requirement.name for requirement in requirements)}: installed, and fit")


_FITS = "fits"
_ABSENT = "not installed"


def _installed(requirement: Requirement) -> tuple[Requirement, str]:
    """Return the requirement and `fits`, or else the version that is installed, or that none is."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return requirement, _ABSENT
    return requirement, _FITS if requirement.specifier.contains(version, prereleases=True) else version
