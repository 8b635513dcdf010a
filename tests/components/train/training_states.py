"""Tiny training states, for the tests of `train`."""

import torch

from components.core.networks.building import build_separator
from components.train.checkpoint import TrainingState, new_state
from components.train.config import TrainConfig
from components.train.losses import LOSSES
from tests.components.train.train_music import TARGETS


def tiny_state(config: TrainConfig, seed: int = 0) -> TrainingState:
    torch.manual_seed(seed)
    return new_state(config, build_separator(config.network, len(TARGETS), 2))


def take_steps(state: TrainingState, count: int, seed: int) -> None:
    """Train on noise, without a loop around it."""
    for number in range(count):
        stems = torch.randn(2, 2, 2, 4000, generator=torch.Generator().manual_seed(seed + number))
        state.optimizer.zero_grad(set_to_none=True)
        LOSSES["waveform"](state.separator.estimates(stems.sum(dim=1)), stems).backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        state.average.update_parameters(state.separator)
        state.step += 1


def same(first: TrainingState, second: TrainingState) -> bool:
    pairs = [(first.separator, second.separator), (first.average, second.average)]
    values = [(a.state_dict()[key], b.state_dict()[key]) for a, b in pairs for key in a.state_dict()]
    moments, others = (state.optimizer.state_dict()["state"] for state in (first, second))
    if moments.keys() != others.keys():
        return False
    values += [(moments[number][key], others[number][key]) for number in moments for key in moments[number]]
    return all(torch.equal(a, b) for a, b in values)
