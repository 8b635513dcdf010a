"""Zip archives of untrusted origin: only files and folders are unpacked, below one folder, up to a size limit."""

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from components.acquire.files.download import require_space
from components.acquire.files.track_names import fold_name
from components.core.base.errors import UserError
from components.core.base.progress import Progress

_BLOCK = 1 << 20
_MAX_MEMBERS = 20_000
_ENCRYPTED = 0x1


def unpack(archive: Path, target: Path, limit: int) -> None:
    """Unpack the zip file `archive` into the new folder `target`, which appears only when it is complete.

    Raises UserError, and leaves no files, when the archive is damaged, unpacks to more than `limit` bytes, or has a
    member that is a link, a device, encrypted, duplicate, or outside of `target`.
    """
    unfinished = target.with_name(f"{target.name}.unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            _write(opened, _checked_members(opened, archive, limit), unfinished, archive)
        unfinished.rename(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise UserError(f"{archive} is not a readable zip file ({error}): delete it and start again") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _checked_members(opened: zipfile.ZipFile, archive: Path, limit: int) -> list[zipfile.ZipInfo]:
    """Return the files of the archive; raises UserError when one of them, or all together, must not be unpacked."""
    members = opened.infolist()
    total = sum(member.file_size for member in members)
    if total > limit or len(members) > _MAX_MEMBERS:
        raise UserError(
            f"{archive} would unpack to {len(members)} files and {total / 1e9:.1f} GB, more than the dataset can have: "
            "it is not the expected archive, delete it"
        )
    for member in members:
        if reason := _objection(member):
            raise UserError(f"{archive} can't be trusted: {member.filename!r} {reason}; delete it")
    files = [member for member in members if not member.is_dir()]
    if len({fold_name(member.filename) for member in files}) < len(files):
        raise UserError(f"{archive} can't be trusted: it contains a file twice; delete it")
    require_space(archive.parent, total, f"unpacking {archive.name}")
    return files


def _objection(member: zipfile.ZipInfo) -> str | None:
    """Return why a member must not be unpacked; None when it may."""
    name = member.orig_filename  # as in the archive; zipfile cuts `filename` at a NUL
    path = PurePosixPath(name)
    file_type = stat.S_IFMT(member.external_attr >> 16)
    if not name or path.is_absolute() or ".." in path.parts or any(sign in name for sign in "\\:\0"):
        return "would lie outside of the folder"
    if file_type not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    return None


def _write(opened: zipfile.ZipFile, files: list[zipfile.ZipInfo], folder: Path, archive: Path) -> None:
    progress = Progress(f"unpack {archive.name}", sum(member.file_size for member in files) / 1e6, "MB")
    for member in files:
        path = folder / member.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        # zipfile reads no more bytes than the member declares, and verifies its checksum
        with opened.open(member) as source, path.open("xb") as file:
            while block := source.read(_BLOCK):
                file.write(block)
                progress.advance(len(block) / 1e6)
