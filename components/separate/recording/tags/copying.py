"""From a recording to its stems: read once, write to each."""

from pathlib import Path

from mutagen import MutagenError

from components.separate.recording.tags.bounds import BoundedFile
from components.separate.recording.tags.fields import Tags, tags_of
from components.separate.recording.tags.readers import read_found
from components.separate.recording.tags.writers import WRITERS


def copy_tags(source: Path, stem: Path, target: str) -> None:
    """Give `stem` the tags of `source`, and a title that says that it is `target`: see `read_tags`, `write_tags`."""
    write_tags(stem, read_tags(source), target)


def read_tags(source: Path) -> Tags:
    """Return the tags of a recording; none where they are damaged, or more than 16 MB."""
    with source.open("rb") as file:
        try:
            return tags_of(read_found(BoundedFile(file)))
        except Exception:  # parsers of crafted files raise anything: struct.error, IndexError, RecursionError …
            return Tags()


def write_tags(stem: Path, tags: Tags, target: str) -> None:
    """Put `tags` into the file of a stem, whose samples stay as they are; the title becomes `Title (target)`.

    A format that holds none (caf, RF64) stays without. Raises OSError when the file can't be written.
    """
    with stem.open("rb") as file:
        write = WRITERS.get(file.read(4))
    if write is None or not tags:
        return
    try:
        write(stem, tags.of_stem(target))
    except MutagenError as error:  # which system errors become
        raise OSError(f"tags cannot be written to {stem} ({error}): is the disk full?") from None
