"""The training loop of one process of the group."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from components.core.base.errors import UserError
from components.core.base.progress import Progress
from components.core.data.cache_format import ShardReader
from components.core.data.training_curves import LOSS, STEP, sdr_column
from components.core.networks.base.separator import Separator
from components.train.checkpoint import Best, CurveRow, TrainingState
from components.train.config import TrainConfig
from components.train.crops.loading import Batch, load_batches
from components.train.crops.sampler import CropSampler
from components.train.losses import LOSSES, Loss
from components.train.process_group import ProcessGroup
from components.train.schedule import learning_rate
from components.train.throughput import StepClock, StepWork, crop_flops, peak_flops
from components.train.validation import validation_sdr

_SILENCE = 1e-4  # -80 dB of full scale
Report = Callable[[CurveRow], None]


class TrainingPass(nn.Module):
    """The forward pass of training, from stems to loss, as a module that DistributedDataParallel can wrap."""

    def __init__(self, separator: Separator, loss: Loss, precision: str) -> None:
        super().__init__()
        self.separator, self.loss, self.mixed = separator, loss, precision == "bf16"

    def forward(self, stems: Tensor) -> Tensor:
        """Mix the stems, `(batch, stems, channels, samples)`, separate the mixture, and return the loss.

        The network gets the mixture at its own level, as in separation. The loss compares stems relative to the
        mixture's loudness, so that a quiet crop counts as much as a loud one.
        """
        mixture = stems.sum(dim=1)
        with torch.autocast(stems.device.type, torch.bfloat16, enabled=self.mixed):
            estimates = self.loss.outputs(self.separator, mixture)
        loudness = mixture.square().mean(dim=(1, 2)).sqrt()[:, None, None, None] + _SILENCE
        return self.loss(estimates / loudness, stems / loudness)


@dataclass
class Trainer:
    """Trains `state` in one process of `group`; in the leader, `report` gets a row of numbers at each validation.

    A training that starts from a model also validates before its first step.
    """

    config: TrainConfig
    state: TrainingState
    train: ShardReader
    validation: ShardReader
    group: ProcessGroup
    scratch: Path
    report: Report
    starts_from_a_model: bool = False

    def __post_init__(self) -> None:
        training_pass = TrainingPass(self.state.separator, LOSSES[self.config.loss], self.config.precision)
        samples = round(self.config.crop_seconds * self.train.rate)
        self._work = self._measure_work(samples)
        if self.config.compile:
            self.state.separator.network.compile()
        self._pass = DistributedDataParallel(training_pass)
        self._sampler = CropSampler(self.train, samples, self.config)

    def run(self) -> None:
        """Train to the last step, or until validation has not improved `patience` times in a row."""
        if self.starts_from_a_model and not self.state.curves:
            self._validate({})
        crops, threads = self.group.crops(self.config.batch), self.config.loading_threads
        progress = Progress("train", self.config.steps, "steps", done=self.state.step)
        while not self.finished:
            clock, end = StepClock(), self._next_validation()
            for batch in clock.watch(load_batches(self._sampler, range(self.state.step, end), crops, threads)):
                loss = self.take_step(batch)
                if self.group.leads:
                    progress.advance(note=f"loss {loss:.5f}")
                if self.state.step < end and self.state.step % self.config.checkpoint_every == 0:
                    self._save_checkpoint()
            self.state.seconds += clock.seconds
            self._validate(self._work.speed(clock, self.group.device) | {"seconds": self.state.seconds})

    @property
    def finished(self) -> bool:
        """Whether the last step is done, or patience is over."""
        best = self.state.best
        waited = (self.state.step - best.step) // self.config.validate_every if best else 0
        return self.state.step >= self.config.steps or waited >= self.config.patience

    def take_step(self, batch: Batch) -> float:
        """Make one optimizer step on this process's part of a batch; return the loss.

        Raises UserError when the loss is not finite.
        """
        optimizer = self.state.optimizer
        # a seed per step, so that a resumed training draws the same dropout as an undisturbed one
        torch.manual_seed(self.config.seed * 1_000_003 + batch.step)
        for group in optimizer.param_groups:
            group["lr"] = group["factor"] * learning_rate(self.config, batch.step)
        optimizer.zero_grad(set_to_none=True)
        loss = self._add_gradients(torch.from_numpy(batch.stems).to(self.group.device))
        _require_finite(loss, batch)
        nn.utils.clip_grad_norm_(self._pass.parameters(), self.config.clip_norm)
        optimizer.step()
        self.state.average.update_parameters(self.state.separator)
        self.state.step = batch.step + 1
        self.state.losses.append(loss)
        return loss

    def _measure_work(self, samples: int) -> StepWork:
        flops = crop_flops(self.state.separator, self.train.channels, samples)
        dtype = torch.bfloat16 if self.config.precision == "bf16" else torch.float32
        return StepWork(
            audio_seconds=self.config.batch * self.config.crop_seconds,
            flops=self.config.batch * flops,
            peak=self.group.size * peak_flops(self.group.device, dtype),
        )

    def _next_validation(self) -> int:
        following = (self.state.step // self.config.validate_every + 1) * self.config.validate_every
        return min(following, self.config.steps)

    def _add_gradients(self, stems: Tensor) -> float:
        """Add up the gradients of the crops in `config.passes` passes; return the mean loss.

        The processes exchange gradients in the last pass only.
        """
        passes = stems.chunk(self.config.passes)
        losses = []
        for number, part in enumerate(passes, start=1):
            with nullcontext() if number == len(passes) else self._pass.no_sync():
                loss: Tensor = self._pass(part) / len(passes)
                loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
        return sum(losses)

    def _save_checkpoint(self) -> None:
        """Write a checkpoint between two validations."""
        # the group's mean losses, since only the leader's state is written
        self.state.losses = [fmean(losses) for losses in zip(*self.group.gather([self.state.losses]), strict=True)]
        if self.group.leads:
            self.state.save(self.scratch)

    def _validate(self, speed: dict[str, float]) -> None:
        """Score the averaged network, keep it if it is the best so far, write a checkpoint, and report."""
        averaged = self.state.averaged
        self.group.share_buffers(averaged)
        averaged.eval()
        sdr = validation_sdr(averaged, self.validation, self.config.validation_seconds, self.group)
        score = fmean([value for value in sdr.values() if not math.isnan(value)] or [-math.inf])
        if self.state.best is None or score > self.state.best.score:
            weights = {name: value.clone() for name, value in averaged.state_dict().items()}
            self.state.best = Best(self.state.step, score, weights)
        row: CurveRow = {STEP: self.state.step}
        if self.state.losses:  # not before the first step
            row[LOSS] = fmean(self.group.gather([fmean(self.state.losses)]))
        row |= {sdr_column(target): value for target, value in sdr.items()}
        self.state.losses = []
        self.state.curves.append(row)
        if self.group.leads:
            self.state.save(self.scratch)
            self.report(row | speed)


def _require_finite(loss: float, batch: Batch) -> None:
    if not math.isfinite(loss):
        crops = "; ".join(batch.sources)
        raise UserError(
            f"train: the loss is {loss} at step {batch.step}: lower train.learning_rate, or look at {crops}"
        )
