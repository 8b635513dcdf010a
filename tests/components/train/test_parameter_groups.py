"""Frozen parts of a network, and parts with their own learning rate."""

import pytest
import torch
from torch import nn

from components.core.base.errors import UserError
from components.train.checkpoint import TrainingState
from tests.components.train.train_music import train_config
from tests.components.train.training_states import take_steps, tiny_state


def _changed(state: TrainingState, steps: int = 2) -> set[str]:
    """Take steps, and return the names of the weights and statistics that they changed."""
    before = {name: value.clone() for name, value in state.separator.network.state_dict().items()}
    take_steps(state, steps, seed=0)
    after = state.separator.network.state_dict()
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def _first_part(state: TrainingState) -> str:
    return next(name for name, _ in state.separator.network.named_children())


def test_frozen_parts_keep_weights_and_statistics() -> None:
    part = _first_part(tiny_state(train_config()))
    assert any(name.startswith(part) for name in _changed(tiny_state(train_config())))
    changed = _changed(tiny_state(train_config(frozen=[part])))
    assert changed
    assert not any(name.startswith(part) for name in changed)


def test_frozen_norms_keep_their_statistics_and_learn_their_scale() -> None:
    changed = _changed(tiny_state(train_config(frozen_norms=True)))
    assert not any(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in changed)
    assert any(name.endswith("weight") for name in changed)


def test_part_trains_at_its_own_rate() -> None:
    part = _first_part(tiny_state(train_config()))
    groups = tiny_state(train_config(learning_rates={part: 0.25})).optimizer.param_groups
    assert [group["factor"] for group in groups] == [0.25, 1.0]
    network = tiny_state(train_config()).separator.network
    slow = sum(value.numel() for value in network.get_submodule(part).parameters())
    assert sum(value.numel() for value in groups[0]["params"]) == slow
    assert sum(value.numel() for group in groups for value in group["params"]) == _weights(network)


@pytest.mark.parametrize("changes", [{"frozen": ["no.such.*"]}, {"learning_rates": {"no.such.*": 0.1}}])
def test_pattern_without_a_module_is_a_user_error(changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"no module matches no\.such\.\* \(there are "):
        tiny_state(train_config(**changes))


def test_network_without_trainable_weights_is_refused() -> None:
    with pytest.raises(UserError, match="no weight is left to train"):
        tiny_state(train_config(frozen=["*"]))


def _weights(network: nn.Module) -> int:
    return sum(value.numel() for value in network.parameters())
