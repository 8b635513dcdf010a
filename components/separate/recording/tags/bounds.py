"""Reading what may be made to exhaust its reader: no more than so many bytes, in no more than so many pieces."""

import os
from typing import BinaryIO

_BYTES = 16_000_000
_READS = 20_000


class BoundedFile:
    """A file open for reading, as parsers want it; raises OSError when they read more than tags may take."""

    def __init__(self, file: BinaryIO, most_bytes: int = _BYTES, most_reads: int = _READS) -> None:
        """Let `most_bytes` of `file` be read, in no more than `most_reads` calls."""
        self._file = file
        self._bytes, self._reads = most_bytes, most_reads

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes; as many as there are when it is below zero."""
        data = self._file.read(min(size, self._bytes + 1) if size >= 0 else self._bytes + 1)
        self._bytes -= len(data)
        self._reads -= 1
        if self._bytes < 0 or self._reads < 0:
            raise OSError("these are more tags than are read")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move as in any file, at no cost."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()
