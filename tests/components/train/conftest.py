"""Fixtures for the tests of `train`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as distributed

from components.train.process_group import ProcessGroup


@pytest.fixture
def group(tmp_path: Path) -> Iterator[ProcessGroup]:
    """A group of this process alone."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield ProcessGroup(0, 1, torch.device("cpu"))
    distributed.destroy_process_group()
