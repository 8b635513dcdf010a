"""An archive never writes outside its folder, fills the disk or stays half unpacked."""

import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.acquire.files.archives import unpack
from components.core.base.errors import UserError

LIMIT = 10_000_000


def _archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _special(path: Path, kind: int) -> Path:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
    return path


def test_unpack_writes_all_members_and_nothing_else(tmp_path: Path) -> None:
    members = {"train/A - B/vocals.wav": b"voice" * 1000, "test/歌.stem.mp4": b"", "README": b"x"}
    unpack(_archive(tmp_path / "a.zip", members), tmp_path / "a", LIMIT)
    found = {path.relative_to(tmp_path / "a").as_posix(): path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    assert found == {name: data for name, data in members.items() if "." in name}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "a.zip"]


@pytest.mark.parametrize(
    "name", ["../evil", "train/../../evil", "/tmp/evil", "C:/evil", "..\\evil", "a/../../b", "\\evil"]
)
def test_unpack_refuses_a_path_that_leaves_the_folder(tmp_path: Path, name: str) -> None:
    archive = _archive(tmp_path / "a.zip", {"train/fine": b"1", name: b"2"})
    with pytest.raises(UserError, match="can't be trusted"):
        unpack(archive, tmp_path / "a", LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_unpack_refuses_links_and_devices(tmp_path: Path, kind: int) -> None:
    with pytest.raises(UserError, match="is a link or a device"):
        unpack(_special(tmp_path / "a.zip", kind), tmp_path / "a", LIMIT)


def test_unpack_refuses_a_bomb_before_it_writes_anything(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.zip", {"zeros": bytes(LIMIT + 1)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(UserError, match="more than the dataset can have"):
        unpack(archive, tmp_path / "a", LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_unpack_refuses_a_member_with_a_false_size(tmp_path: Path) -> None:
    archive = _archive(tmp_path / "a.zip", {"zeros": bytes(LIMIT)})
    data = bytearray(archive.read_bytes())
    true, false = LIMIT.to_bytes(4, "little"), (10).to_bytes(4, "little")
    archive.write_bytes(bytes(data).replace(true, false))
    with pytest.raises(UserError, match="not a readable zip"):
        unpack(archive, tmp_path / "a", LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unpack_refuses_a_repeated_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a/b", "1")
        archive.writestr("A/B", "2")
    with pytest.raises(UserError, match="a file twice"):
        unpack(tmp_path / "a.zip", tmp_path / "a", LIMIT)


@pytest.mark.parametrize("damage", [slice(0, 0), slice(0, 500), slice(40, 60)])
def test_damaged_archive_is_a_user_error_and_leaves_no_file(tmp_path: Path, damage: slice) -> None:
    archive = _archive(tmp_path / "a.zip", {"a": bytes(range(256)) * 100, "b": b"2"})
    data = bytearray(archive.read_bytes())
    if damage.start:
        data[damage] = b"\xff" * 20
    archive.write_bytes(bytes(data) if damage.start else bytes(data)[: damage.stop])
    with pytest.raises(UserError, match="not a readable zip"):
        unpack(archive, tmp_path / "a", LIMIT)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_unpack_replaces_the_files_of_a_killed_run(tmp_path: Path) -> None:
    (tmp_path / "a.unpacking" / "old").mkdir(parents=True)
    unpack(_archive(tmp_path / "a.zip", {"new": b"1"}), tmp_path / "a", LIMIT)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["new"]


SEGMENT = st.sampled_from(["..", ".", "", "a", "b c", "C:", "~", "歌", "\\", "con"])


@given(st.lists(st.lists(SEGMENT, min_size=1, max_size=5).map("/".join), min_size=1, max_size=4, unique=True))
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_unpack_never_writes_outside_the_folder(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "deep" / "down"
        folder.mkdir(parents=True)
        archive = _archive(folder / "a.zip", {name: b"data" for name in names if name})
        try:
            unpack(archive, folder / "a", LIMIT)
        except (UserError, OSError):
            assert not (folder / "a").exists()
        outside = {path for path in Path(home).rglob("*") if folder / "a" not in (path, *path.parents)}
        assert outside == {Path(home) / "deep", folder, archive}
