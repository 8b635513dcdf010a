"""TensorFlow's checkpoints, read without TensorFlow."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from components.convert.tensorflow_checkpoint import TensorflowCheckpoint
from components.core.base.errors import UserError
from tests.components.convert.tensorflow_files import write_checkpoint


def _variables(count: int) -> dict[str, NDArray[np.float32]]:
    """Return variables of many shapes, with names that share long and short beginnings."""
    random = np.random.default_rng(0)
    shapes = [(3,), (2, 300), (), (5, 5, 2, 16)]
    return {
        f"conv2d_{number}/{'kernel' if number % 3 else 'bias'}": random.standard_normal(shapes[number % 4]).astype(
            np.float32
        )
        for number in range(count)
    }


@pytest.mark.parametrize("count", [1, 16, 17, 150])
def test_variables_are_read_as_they_were_written(count: int, tmp_path: Path) -> None:
    variables = _variables(count)
    checkpoint = TensorflowCheckpoint(write_checkpoint(tmp_path, variables))
    assert checkpoint.shapes == {name: value.shape for name, value in variables.items()}
    for name, value in variables.items():
        np.testing.assert_array_equal(checkpoint.get_tensor(name), value)
    assert [path.name for path in checkpoint.files] == ["model.data-00000-of-00001", "model.index"]


def test_index_of_another_format_is_a_user_error(tmp_path: Path) -> None:
    (write_checkpoint(tmp_path, _variables(3)) / "model.index").write_bytes(b"PK" + bytes(100))
    with pytest.raises(UserError, match=r"model\.index is not the index of a TensorFlow checkpoint"):
        TensorflowCheckpoint(tmp_path)


@pytest.mark.parametrize("position", [0, 1, 30])
def test_damaged_index_is_a_user_error(position: int, tmp_path: Path) -> None:
    index = write_checkpoint(tmp_path, _variables(40)) / "model.index"
    data = bytearray(index.read_bytes())
    data[-48 + position // 10 : -46 + position // 10] = b"\xff\xff"
    index.write_bytes(data)
    with pytest.raises(UserError, match="damaged"):
        TensorflowCheckpoint(tmp_path)


def test_truncated_data_file_is_a_user_error(tmp_path: Path) -> None:
    checkpoint = TensorflowCheckpoint(write_checkpoint(tmp_path, _variables(8)))
    (tmp_path / "model.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(UserError, match="ends before conv2d_1/kernel"):
        checkpoint.get_tensor("conv2d_1/kernel")


@pytest.mark.parametrize("name", ["model.index", "model.data-00000-of-00001"])
def test_missing_file_is_a_user_error(name: str, tmp_path: Path) -> None:
    (write_checkpoint(tmp_path, _variables(2)) / name).unlink()
    with pytest.raises(UserError, match="download the checkpoint again"):
        TensorflowCheckpoint(tmp_path).get_tensor("conv2d_1/kernel")
