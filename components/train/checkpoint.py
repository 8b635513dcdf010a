"""The checkpoint of a training: its state, from which a killed training continues exactly."""

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
from components.train.parameter_groups import freeze_modules, parameter_groups

CHECKPOINT = "checkpoint.pt"

CurveRow = dict[str, float]
"""The numbers of one validation, by the columns of curves.csv."""


@dataclass
class Best:
    """The best weights so far: their step, their validation score (dB) and their values."""

    step: int
    score: float
    weights: dict[str, Any]


@dataclass
class TrainingState:
    """Network, optimizer, averaged weights, and results so far.

    losses     the loss of each step since the last validation
    curves     a row per validation
    seconds    duration of the training so far, without interruptions
    """

    separator: Separator
    optimizer: Optimizer
    average: AveragedModel
    step: int = 0
    best: Best | None = None
    losses: list[float] = field(default_factory=list)
    curves: list[CurveRow] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def averaged(self) -> Separator:
        """The network with the averaged weights, which is validated and shipped."""
        return cast(Separator, self.average.module)

    def save(self, folder: Path) -> None:
        """Write `folder`/checkpoint.pt, whole or not at all."""
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
        """Load `folder`/checkpoint.pt, if it exists; return whether it does."""
        if not (folder / CHECKPOINT).is_file():
            return False
        document = _load(folder)
        self.separator.load_state_dict(document["separator"])
        self.optimizer.load_state_dict(document["optimizer"])
        self.average.load_state_dict(document["average"])
        self.step, self.losses, self.curves = document["step"], document["losses"], document["curves"]
        self.seconds = document["seconds"]
        self.best = _best(document)
        return True


@dataclass(frozen=True)
class Outcome:
    """The result of a finished training: its best weights, and a row of `curves` per validation."""

    best: Best
    curves: list[CurveRow]


def read_outcome(folder: Path) -> Outcome:
    """Read the result of a finished training from `folder`/checkpoint.pt, without making an optimizer (slow)."""
    document = _load(folder)
    best = _best(document)
    assert best is not None
    return Outcome(best, document["curves"])


def new_state(config: TrainConfig, separator: Separator) -> TrainingState:
    """Return the state before the first step; freezes the frozen parts of `separator`."""
    freeze_modules(separator, config)
    optimizer = torch.optim.AdamW(
        parameter_groups(separator, config), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    # an averaged network needs the averaged statistics of its batch norms, so buffers are averaged too
    average = AveragedModel(separator, multi_avg_fn=partial(_update_average, config.ema_decay), use_buffers=True)
    return TrainingState(separator, optimizer, average)


def _load(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    return document


def _best(document: dict[str, Any]) -> Best | None:
    return Best(**document["best"]) if document["best"] else None


def _update_average(decay: float, averages: list[Tensor], values: list[Tensor], count: Tensor | int) -> None:
    """Move the averages towards the values; faster in the first steps, so that the initial weights soon fade."""
    steps = int(count)
    warmed = min(decay, (1 + steps) / (10 + steps))
    get_ema_multi_avg_fn(warmed)(averages, values, count)  # type: ignore[no-untyped-call]
