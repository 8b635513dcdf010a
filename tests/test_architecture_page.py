"""The picture in docs/architecture.md shows the packages and imports that the code has."""

import re

from components.core.data.artifacts import ARTIFACTS
from tests.support.packages import (
    CORE_PACKAGES,
    DEMO_SONGS,
    PIPELINES,
    STEPS,
    fewest_arrows,
    package_imports,
    reachable,
)
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^\s*(\w+) --> (\w+)\s*$", re.MULTILINE)


def _drawn() -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {}
    for package, other in ARROW.findall(PAGE):
        arrows.setdefault(package, set()).add(other)
    return arrows


def test_rooms_form_no_circle() -> None:
    arrows = package_imports()
    assert [package for package in arrows if package in reachable(package, arrows)] == []


def test_picture_shows_every_import_between_rooms() -> None:
    expected = {package: others for package, others in fewest_arrows(package_imports()).items() if others}
    assert _drawn() == expected, "\n".join(
        f"    {package} --> {other}" for package, others in sorted(expected.items()) for other in sorted(others)
    )


def test_page_describes_every_room() -> None:
    for package in [*CORE_PACKAGES, STEPS, PIPELINES, DEMO_SONGS]:
        assert f"`{package}" in PAGE or f"**{package}**" in PAGE, package


def test_page_fits_on_one_sheet() -> None:
    assert len(PAGE.splitlines()) <= 90


def test_page_names_every_artifact() -> None:
    files = {artifact.file for artifact in ARTIFACTS if artifact.file}
    assert [file for file in sorted(files) if f"`{file}`" not in PAGE] == []
