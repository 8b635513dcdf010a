"""Weight files are read safely: a damaged one is an error in one line."""

from pathlib import Path

import pytest
import torch

from components.convert.weight_files import load_tensors
from components.core.base.errors import UserError


@pytest.mark.parametrize("length", [0, 1, 5, 20, 60, 200, 600])
@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_file_is_a_user_error_in_one_line(length: int, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.ckpt"
    torch.save({"weight": torch.zeros(300)}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(UserError, match=r"x\.ckpt holds no weights that can be read safely: .") as raised:
        load_tensors(path)
    assert "\n" not in str(raised.value)


def test_whole_file_is_read(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(3)}, tmp_path / "x.ckpt")
    assert torch.equal(load_tensors(tmp_path / "x.ckpt")["weight"], torch.ones(3))
