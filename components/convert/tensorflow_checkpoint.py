"""TensorFlow's checkpoints, version 2, without TensorFlow (tensorflow/core/util/tensor_bundle).

The index is a table of LevelDB: blocks of sorted keys, each key without the prefix that it shares with the one before.
Its values are protocol buffers (`BundleEntryProto`). They say where the tensor lies in the data files, as raw numbers.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from components.core.base.errors import UserError

_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_FLOAT32 = 1  # DT_FLOAT
_TYPE, _SHAPE, _SHARD, _OFFSET, _SIZE = 1, 2, 3, 4, 5  # fields of BundleEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


@dataclass(frozen=True)
class _Entry:
    """The place of a tensor: file number, first byte, number of bytes."""

    is_float32: bool
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int


class TensorflowCheckpoint:
    """The variables of a checkpoint in float32.

    shapes   the shape of each variable, by name
    files    the files that hold the variables
    """

    def __init__(self, folder: Path) -> None:
        """Read the index of the checkpoint that the file `checkpoint` in `folder` names.

        Raises UserError when a file is missing, truncated or in another format.
        """
        index = folder / f"{_checkpoint_name(folder)}.index"
        self.files = (*sorted(folder.glob(f"{index.stem}.data-*-of-*")), index)
        self._entries = _read_index(index)
        self.shapes = {name: entry.shape for name, entry in self._entries.items()}

    def get_tensor(self, name: str) -> NDArray[np.float32]:
        """Return the variable of this name; raises UserError when the checkpoint does not hold it whole."""
        entry, index = self._entries.get(name), self.files[-1]
        if entry is None or entry.shard >= len(self.files) - 1:
            raise UserError(f"{index.parent} holds no variable {name}: download the checkpoint again")
        path = self.files[entry.shard]
        with path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        if len(data) != entry.size or entry.size != 4 * prod(entry.shape):
            raise UserError(f"{path} ends before {name}: download the checkpoint again")
        return np.frombuffer(data, "<f4").astype(np.float32).reshape(entry.shape)


def _checkpoint_name(folder: Path) -> str:
    text = (folder / "checkpoint").read_text(encoding="utf-8")
    named = re.search(r'^model_checkpoint_path:\s*"(?:.*/)?([^"/]+)"', text, re.MULTILINE)
    if not named:
        raise UserError(f"{folder / 'checkpoint'} names no checkpoint: download the folder again")
    return named[1]


def _read_index(path: Path) -> dict[str, _Entry]:
    """Return the float32 variables of an index by name."""
    if not path.is_file():
        raise UserError(f"{path} does not exist: download the checkpoint again")
    table = path.read_bytes()
    if not table.endswith(_MAGIC):
        raise UserError(f"{path} is not the index of a TensorFlow checkpoint: download it again")
    try:
        entries = {name.decode(): _parse_entry(value) for name, value in _table_rows(table) if name}
    except (IndexError, ValueError, struct.error) as error:
        raise UserError(f"{path} is damaged ({error}): download the checkpoint again") from None
    return {name: entry for name, entry in entries.items() if entry.is_float32}


def _table_rows(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a table; the key of the table's own header is empty."""
    footer, position = table[-_FOOTER:], 0
    for _ in range(2):  # the place of the metadata, which is not needed
        _, position = _read_varint(footer, position)
    for _, place in _block_rows(table, footer[position:]):
        yield from _block_rows(table, place)


def _block_rows(table: bytes, place: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the rows of the block at `place`, which starts with the block's offset and size."""
    offset, position = _read_varint(place, 0)
    size, _ = _read_varint(place, position)
    if table[offset + size]:
        raise ValueError("its blocks are compressed")
    block = table[offset : offset + size]
    (restarts,) = struct.unpack_from("<I", block, size - 4)
    end, position, key = size - 4 * (restarts + 1), 0, b""
    while position < end:
        shared, position = _read_varint(block, position)
        added, position = _read_varint(block, position)
        length, position = _read_varint(block, position)
        key = key[:shared] + block[position : position + added]
        position += added
        yield key, block[position : position + length]
        position += length


def _parse_entry(message: bytes) -> _Entry:
    fields = dict(_message_fields(message))
    dimensions = [dict(_message_fields(dimension)) for _, dimension in _message_fields(fields.get(_SHAPE, b""))]
    shape = tuple(int(dimension.get(1, 0)) for dimension in dimensions)
    shard, offset, size = (int(fields.get(field, 0)) for field in (_SHARD, _OFFSET, _SIZE))
    return _Entry(fields.get(_TYPE) == _FLOAT32, shape, shard, offset, size)


def _message_fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the numbers of a protocol buffer's fields and their values, which are whole numbers or bytes."""
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        kind, length = tag & 7, {_FIXED32: 4, _FIXED64: 8}.get(tag & 7, 0)
        if kind == _VARINT:
            value, position = _read_varint(message, position)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            length, position = _read_varint(message, position)
        yield tag >> 3, message[position : position + length]
        position += length


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at `position`, seven bits a byte from the lowest on, and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
