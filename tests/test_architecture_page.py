"""The picture in docs/architecture.md shows the rooms and imports that the code has."""

import re

from components.core.data.artifacts import ARTIFACTS
from tests.support.rooms import CORE_ROOMS, DEMO_SONGS, PIPELINES, STEPS, fewest_arrows, reachable, room_imports
from tests.support.source import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ARROW = re.compile(r"^\s*(\w+) --> (\w+)\s*$", re.MULTILINE)


def _drawn() -> dict[str, set[str]]:
    arrows: dict[str, set[str]] = {}
    for room, other in ARROW.findall(PAGE):
        arrows.setdefault(room, set()).add(other)
    return arrows


def test_rooms_form_no_circle() -> None:
    arrows = room_imports()
    assert [room for room in arrows if room in reachable(room, arrows)] == []


def test_picture_shows_every_import_between_rooms() -> None:
    expected = {room: others for room, others in fewest_arrows(room_imports()).items() if others}
    assert _drawn() == expected, "\n".join(
        f"    {room} --> {other}" for room, others in sorted(expected.items()) for other in sorted(others)
    )


def test_page_describes_every_room() -> None:
    for room in [*CORE_ROOMS, STEPS, PIPELINES, DEMO_SONGS]:
        assert f"`{room}" in PAGE or f"**{room}**" in PAGE, room


def test_page_fits_on_one_sheet() -> None:
    assert len(PAGE.splitlines()) <= 90


def test_page_names_every_artifact() -> None:
    files = {artifact.file for artifact in ARTIFACTS if artifact.file}
    assert [file for file in sorted(files) if f"`{file}`" not in PAGE] == []
