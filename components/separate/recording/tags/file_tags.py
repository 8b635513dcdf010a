"""Read the tags of a recording, and write them to its stems.

Recordings come from outside. So tags are read within bounds, and damaged ones are left out; they never fail a stem.
"""

from collections.abc import Iterator
from pathlib import Path

from mutagen import MutagenError

from components.separate.recording.tags.bounded_file import BoundedFile
from components.separate.recording.tags.copied_tags import Tags, clean_tags
from components.separate.recording.tags.readers import read_found
from components.separate.recording.tags.writers import CHUNKS, WRITERS


def read_tags(source: Path) -> Tags:
    """Return the tags of a recording; none, and a word about it, when they are damaged or larger than 64 MB."""
    with source.open("rb") as file:
        try:
            return clean_tags(read_found(source, BoundedFile(file)))
        except Exception:  # parsers of crafted files raise anything: struct.error, IndexError, RecursionError …
            return Tags(left_out=("the tags, which are damaged or larger than 64 MB",))


def write_tags(stem: Path, tags: Tags, target: str) -> None:
    """Write `tags` to the file of a stem, whose samples stay the same; the title becomes `Title (target)`.

    Raises OSError when the file can't be written.
    """
    with stem.open("rb") as file:
        write = WRITERS.get(file.read(4))
    if write is None or not tags:
        return
    try:
        write(stem, tags.of_stem(target))
    except MutagenError as error:  # mutagen turns system errors into its own
        raise OSError(f"tags cannot be written to {stem} ({error}): is the disk full?") from None


def describe_left_out(tags: Tags, container: str) -> tuple[str, ...]:
    """Return, in words, what stems in `container` (libsndfile's name) have no place for, and what no format gets."""
    return (*tags.left_out, *_without_place(tags, container))


def _without_place(tags: Tags, container: str) -> Iterator[str]:
    held = CHUNKS.get(container, frozenset()) | {b"bext"}  # other formats get its texts
    names = [chunk.data[:4] if chunk.name == b"LIST" else chunk.name for chunk in tags.chunks if chunk.name not in held]
    chunks = [name.decode("latin-1").strip() for name in names]
    if chunks:
        yield f"{', '.join(dict.fromkeys(chunks))} in the tags, for which {container.lower()} has no place"
    if container == "CAF" and tags.cover is not None:
        yield "the cover, for which caf has no place"
