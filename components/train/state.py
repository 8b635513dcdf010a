"""Everything that a training is at a step, and how it is kept, so that it goes on exactly where it was."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from components.core.base.files import whole_file
from components.core.networks.base.separator import Separator
from components.train.config import TrainConfig

CHECKPOINT = "checkpoint.pt"


@dataclass
class Best:
    """The best weights so far by validation: their step, score (dB) and values."""

    step: int
    score: float
    weights: dict[str, Any]


@dataclass
class TrainingState:
    """Network, optimizer, running average, and the story so far.

    `losses` are those of the steps since the last validation; `curves` has a row a validation.
    """

    separator: Separator
    optimizer: Optimizer
    average: AveragedModel
    step: int = 0
    best: Best | None = None
    losses: list[float] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    """How long the training has taken so far, stops left out."""

    @property
    def averaged(self) -> Separator:
        """The network with the averaged weights: what is validated and shipped."""
        return cast(Separator, self.average.module)

    def save(self, folder: Path) -> None:
        """Write `folder`/checkpoint.pt as a whole."""
        document = {
            "step": self.step,
            "separator": self.separator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "best": vars(self.best) if self.best else None,
            "losses": self.losses,
            "curves": self.curves,
            "seconds": self.seconds,
        }
        with whole_file(folder / CHECKPOINT) as partial:
            torch.save(document, partial)

    def restore(self, folder: Path) -> bool:
        """Go to where `folder`/checkpoint.pt is; return whether there was one."""
        path = folder / CHECKPOINT
        if not path.is_file():
            return False
        document = torch.load(path, map_location="cpu", weights_only=True)
        self.separator.load_state_dict(document["separator"])
        self.optimizer.load_state_dict(document["optimizer"])
        self.average.load_state_dict(document["average"])
        self.step, self.losses, self.curves = document["step"], document["losses"], document["curves"]
        self.seconds = document["seconds"]
        self.best = _best_of(document)
        return True


@dataclass(frozen=True)
class Outcome:
    """What comes of a training that has ended: its best weights, and a row of `curves` a validation."""

    best: Best
    curves: list[dict[str, float]]


def read_outcome(folder: Path) -> Outcome:
    """Return what `folder`/checkpoint.pt says came of the training; without an optimizer, which takes long to make."""
    document = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    best = _best_of(document)
    assert best is not None
    return Outcome(best, document["curves"])


def _best_of(document: dict[str, Any]) -> Best | None:
    return Best(**document["best"]) if document["best"] else None


def new_state(config: TrainConfig, separator: Separator) -> TrainingState:
    """Return the state before the first step."""
    optimizer = torch.optim.AdamW(
        separator.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    # buffers too: an averaged network needs the averaged statistics of its batch norms
    average = AveragedModel(separator, multi_avg_fn=partial(_average, config.ema_decay), use_buffers=True)
    return TrainingState(separator, optimizer, average)


def _average(decay: float, averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
    """Move the averages towards the values; at first by more, so that the fresh network is soon forgotten."""
    steps = int(count)
    warmed = min(decay, (1 + steps) / (10 + steps))
    get_ema_multi_avg_fn(warmed)(averages, values, count)  # type: ignore[no-untyped-call]
