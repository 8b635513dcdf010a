"""Archives from outside: nothing in them may leave the folder, fill the disk, or be anything but files and folders."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from components.acquire.files.download import require_space
from components.acquire.files.names import key
from components.core.base.errors import UserError
from components.core.base.progress import Progress

_BLOCK = 1 << 20
_MOST_MEMBERS = 20_000
_ENCRYPTED = 0x1


def unpack(archive: Path, target: Path, limit: int) -> None:
    """Unpack the zip file `archive` into the new folder `target`, which appears only when it is complete.

    Raises UserError, and leaves nothing behind, when the archive is damaged, holds more than `limit` bytes, or a
    member that is a link, a device, encrypted, given twice, or would lie outside of `target`.
    """
    unfinished = target.with_name(f"{target.name}.unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            _write(opened, _accept(opened, archive, limit), unfinished, archive)
        unfinished.rename(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(f"{archive} is not a readable zip file ({error}): delete it and start again") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _accept(opened: zipfile.ZipFile, archive: Path, limit: int) -> list[zipfile.ZipInfo]:
    members = opened.infolist()
    total = sum(member.file_size for member in members)
    if total > limit or len(members) > _MOST_MEMBERS:
        raise UserError(
            f"{archive} would unpack to {len(members)} files and {total / 1e9:.1f} GB, more than the dataset can have: "
            "it is not the expected archive, delete it"
        )
    for member in members:
        if reason := _objection(member):
            raise UserError(f"{archive} is not to be trusted: {member.filename!r} {reason}; delete it")
    files = [member for member in members if not member.is_dir()]
    if len({key(member.filename) for member in files}) < len(files):
        raise UserError(f"{archive} is not to be trusted: it holds a file twice; delete it")
    require_space(archive.parent, total, f"unpacking {archive.name}")
    return files


def _objection(member: zipfile.ZipInfo) -> str:
    """Say what is wrong with a member's name or kind; empty when nothing is."""
    # zipfile cuts names at NUL; what stood in the archive is orig_filename
    name = member.orig_filename
    path = PurePosixPath(name)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if not name or path.is_absolute() or ".." in path.parts or any(sign in name for sign in "\\:\0"):
        return "would lie outside of the folder"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    return ""


def _write(opened: zipfile.ZipFile, files: list[zipfile.ZipInfo], folder: Path, archive: Path) -> None:
    progress = Progress(f"unpack {archive.name}", sum(member.file_size for member in files) / 1e6, "MB")
    for member in files:
        path = folder / member.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        # zipfile gives no more bytes than the member declares, and compares the checksum at the end
        with opened.open(member) as source, path.open("xb") as file:
            while block := source.read(_BLOCK):
                file.write(block)
                progress.advance(len(block) / 1e6)
