"""Read the tags of a recording, and write them to its stems.

Recordings come from outside. So tags are read within bounds, and damaged ones are left out; they never fail a stem.
"""

from pathlib import Path

from mutagen import MutagenError

from components.separate.recording.tags.bounded_file import BoundedFile
from components.separate.recording.tags.fields import Tags, clean_tags
from components.separate.recording.tags.readers import read_found
from components.separate.recording.tags.writers import WRITERS


def read_tags(source: Path) -> Tags:
    """Return the tags of a recording; none, and a word about it, when they are damaged or larger than 64 MB."""
    with source.open("rb") as file:
        try:
            return clean_tags(read_found(BoundedFile(file)))
        except Exception:  # parsers of crafted files raise anything: struct.error, IndexError, RecursionError …
            return Tags(left_out=("the tags, which are damaged or larger than 64 MB",))


def write_tags(stem: Path, tags: Tags, target: str) -> None:
    """Write `tags` to the file of a stem, whose samples stay the same; the title becomes `Title (target)`.

    A format without tags (caf, RF64) gets none. Raises OSError when the file can't be written.
    """
    with stem.open("rb") as file:
        write = WRITERS.get(file.read(4))
    if write is None or not tags:
        return
    try:
        write(stem, tags.of_stem(target))
    except MutagenError as error:  # mutagen turns system errors into its own
        raise OSError(f"tags cannot be written to {stem} ({error}): is the disk full?") from None
