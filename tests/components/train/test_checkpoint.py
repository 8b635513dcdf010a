"""The state of a training and its checkpoint."""

from pathlib import Path

import pytest
import torch

from components.train.checkpoint import CHECKPOINT, Best
from tests.components.train.train_music import train_config
from tests.components.train.training_states import same, take_steps, tiny_state


def test_restored_training_continues_bit_for_bit(tmp_path: Path) -> None:
    config = train_config()
    state = tiny_state(config)
    take_steps(state, 3, seed=0)
    weights = {name: value.clone() for name, value in state.averaged.state_dict().items()}
    state.best, state.curves = Best(3, 1.5, weights), [{"step": 3, "loss": 0.1}]
    state.save(tmp_path)
    restored = tiny_state(config, seed=99)
    assert not same(state, restored)
    assert restored.restore(tmp_path)
    assert same(state, restored)
    assert (restored.step, restored.curves) == (3, state.curves)
    assert restored.best is not None
    assert (restored.best.step, restored.best.score) == (3, 1.5)
    assert all(torch.equal(value, restored.best.weights[name]) for name, value in weights.items())
    for each in (state, restored):
        take_steps(each, 3, seed=50)
    assert same(state, restored)


def test_average_includes_the_buffers() -> None:
    state = tiny_state(train_config(ema_decay=0.5))
    take_steps(state, 4, seed=0)
    names = [name for name, _ in state.separator.named_buffers() if name.endswith("running_mean")]
    assert names
    for name in names:
        assert state.averaged.get_buffer(name).abs().sum() > 0


def test_restore_without_a_checkpoint_does_nothing(tmp_path: Path) -> None:
    assert not tiny_state(train_config()).restore(tmp_path)


def test_restore_refuses_a_checkpoint_with_code(tmp_path: Path) -> None:
    state = tiny_state(train_config())
    state.save(tmp_path)
    assert torch.load(tmp_path / CHECKPOINT, weights_only=True)["step"] == 0

    class _Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "exploded"),))

    torch.save({"step": _Bomb()}, tmp_path / CHECKPOINT)
    with pytest.raises(Exception, match=r"[Ww]eights.only"):
        state.restore(tmp_path)
    assert not (tmp_path / "exploded").exists()
