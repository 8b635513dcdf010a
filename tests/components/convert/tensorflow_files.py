"""TensorFlow checkpoints as files, written without TensorFlow: the index as a table of LevelDB, and a data file."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAGIC = bytes.fromhex("57fb808b247547db")
_RESTART_EVERY = 16
_ROWS_PER_BLOCK = 20


def write_checkpoint(folder: Path, variables: Mapping[str, NDArray[np.float32]]) -> Path:
    """Write `variables` to a checkpoint named `model`, in the order of their names, as TensorFlow does."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").write_text('model_checkpoint_path: "model"\nall_model_checkpoint_paths: "model"\n')
    data, rows = b"", [(b"", b"\x08\x01\x1a\x02\x08\x01")]  # the header: one data file, version 1
    for name in sorted(variables):
        values = np.ascontiguousarray(variables[name], "<f4").tobytes()
        rows.append((name.encode(), _entry(variables[name].shape, len(data), len(values))))
        data += values
    (folder / "model.data-00000-of-00001").write_bytes(data)
    (folder / "model.index").write_bytes(_table(rows))
    return folder


def _entry(shape: Sequence[int], offset: int, size: int) -> bytes:
    dimensions = b"".join(b"\x12" + _sized(b"\x08" + _varint(length)) for length in shape)
    checksum = b"\x35" + bytes(4)
    return b"\x08\x01\x12" + _sized(dimensions) + b"\x20" + _varint(offset) + b"\x28" + _varint(size) + checksum


def _table(rows: Sequence[tuple[bytes, bytes]]) -> bytes:
    table, places = b"", []
    for start in range(0, len(rows), _ROWS_PER_BLOCK):
        part = rows[start : start + _ROWS_PER_BLOCK]
        block = _block(part)
        places.append((part[-1][0], _varint(len(table)) + _varint(len(block))))
        table += block + bytes(5)  # not compressed; a checksum
    footer = b""
    for block in (_block([]), _block(places)):
        footer += _varint(len(table)) + _varint(len(block))
        table += block + bytes(5)
    return table + footer.ljust(40, b"\0") + _MAGIC


def _block(rows: Sequence[tuple[bytes, bytes]]) -> bytes:
    block, restarts, before = b"", [0], b""
    for number, (key, value) in enumerate(rows):
        shared = 0
        if number % _RESTART_EVERY == 0:
            restarts[number // _RESTART_EVERY :] = [len(block)]
        else:
            while shared < min(len(before), len(key)) and before[shared] == key[shared]:
                shared += 1
        block += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        before = key
    return block + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _sized(message: bytes) -> bytes:
    return _varint(len(message)) + message


def _varint(number: int) -> bytes:
    low = number & 127
    return bytes([low]) if number < 128 else bytes([low | 128]) + _varint(number >> 7)
