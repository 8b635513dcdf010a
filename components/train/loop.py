"""The training loop of one process of the group."""

import math
from collections.abc import Callable, Iterator
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
from components.core.networks.base.separator import Separator
from components.train.config import TrainConfig
from components.train.crops.sampler import Batch, CropSampler, batches
from components.train.losses import LOSSES, Loss
from components.train.process_group import Group
from components.train.schedule import learning_rate
from components.train.state import Best, TrainingState
from components.train.throughput import StepClock, Throughput, crop_flops, peak_flops
from components.train.validation import validation_sdr

_SILENCE = 1e-4  # -80 dB of full scale
Report = Callable[[dict[str, float]], None]


class TrainingPass(nn.Module):
    """The forward pass of training as a module of its own, which DistributedDataParallel can wrap: stems to loss."""

    def __init__(self, separator: Separator, loss: Loss, precision: str) -> None:
        super().__init__()
        self.separator, self.loss, self.mixed = separator, loss, precision == "bf16"

    def forward(self, stems: Tensor) -> Tensor:
        """Mix the stems, `(batch, stems, channels, samples)`, separate the mixture, and compare.

        The network hears music as loud as it is, as when it separates. What is compared is relative to the loudness of
        the mixture, so that a quiet crop counts as much as a loud one.
        """
        mixture = stems.sum(dim=1)
        with torch.autocast(stems.device.type, torch.bfloat16, enabled=self.mixed):
            estimates = self.separator.estimates(mixture)
        loudness = mixture.square().mean(dim=(1, 2)).sqrt()[:, None, None, None] + _SILENCE
        return self.loss(estimates / loudness, stems / loudness)


@dataclass
class Trainer:
    """Trains `state` on one process of `group`; `report` gets a row of numbers at each validation, on the leader."""

    config: TrainConfig
    state: TrainingState
    train: ShardReader
    validation: ShardReader
    group: Group
    scratch: Path
    report: Report

    def __post_init__(self) -> None:
        training_pass = TrainingPass(self.state.separator, LOSSES[self.config.loss], self.config.precision)
        self._throughput = self._measure()
        if self.config.compile:
            self.state.separator.network.compile()
        self._pass = DistributedDataParallel(training_pass)
        self._sampler = CropSampler(self.train, self._crop_samples, self.config)

    def run(self) -> None:
        """Train to the last step, or until validation has not improved `patience` times in a row."""
        progress = Progress("train", self.config.steps, "steps", done=self.state.step)
        while not self.finished:
            clock, end = StepClock(), self._next_validation()
            for batch in clock.watch(self._batches(range(self.state.step, end))):
                loss = self._step(batch)
                if self.group.leads:
                    progress.advance(note=f"loss {loss:.5f}")
                if self.state.step < end and self.state.step % self.config.checkpoint_every == 0:
                    self._keep()
            self.state.seconds += clock.seconds
            self._validate(self._throughput.row(clock, self.group.device) | {"seconds": self.state.seconds})

    def _measure(self) -> Throughput:
        flops = crop_flops(self.state.separator, self.train.channels, self._crop_samples)
        dtype = torch.bfloat16 if self.config.precision == "bf16" else torch.float32
        return Throughput(
            audio_seconds=self.config.batch * self.config.crop_seconds,
            flops=self.config.batch * flops,
            peak=self.group.size * peak_flops(self.group.device, dtype),
        )

    @property
    def _crop_samples(self) -> int:
        return round(self.config.crop_seconds * self.train.rate)

    @property
    def finished(self) -> bool:
        """Whether the last step is done, or patience is over."""
        best = self.state.best
        waited = (self.state.step - best.step) // self.config.validate_every if best else 0
        return self.state.step >= self.config.steps or waited >= self.config.patience

    def _batches(self, steps: range) -> Iterator[Batch]:
        return batches(self._sampler, steps, self.group.crops(self.config.batch), self.config.loading_threads)

    def _next_validation(self) -> int:
        following = (self.state.step // self.config.validate_every + 1) * self.config.validate_every
        return min(following, self.config.steps)

    def _step(self, batch: Batch) -> float:
        """Make one optimizer step on this process's part of a batch; return the loss."""
        optimizer = self.state.optimizer
        # seeded a step, so that a resumed training draws what an undisturbed one draws (dropout, if there is any)
        torch.manual_seed(self.config.seed * 1_000_003 + batch.step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(self.config, batch.step)
        optimizer.zero_grad(set_to_none=True)
        loss = self._gradients(torch.from_numpy(batch.stems).to(self.group.device))
        _require_finite(loss, batch)
        nn.utils.clip_grad_norm_(self._pass.parameters(), self.config.clip_norm)
        optimizer.step()
        self.state.average.update_parameters(self.state.separator)
        self.state.step = batch.step + 1
        self.state.losses.append(loss)
        return loss

    def _gradients(self, stems: Tensor) -> float:
        """Add up the gradients of the crops, in as many passes as `config.passes` says; return the mean loss.

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

    def _keep(self) -> None:
        """Write a checkpoint between two validations."""
        # of the group, since only the leader's state is written
        self.state.losses = [fmean(losses) for losses in zip(*self.group.gather([self.state.losses]), strict=True)]
        if self.group.leads:
            self.state.save(self.scratch)

    def _validate(self, speed: dict[str, float]) -> None:
        """Score the averaged network, keep it if it is the best so far, write the checkpoint, report."""
        averaged = self.state.averaged
        self.group.agree_on_buffers(averaged)
        averaged.eval()
        sdr = validation_sdr(averaged, self.validation, self.config.validation_seconds, self.group)
        score = fmean([value for value in sdr.values() if not math.isnan(value)] or [-math.inf])
        if self.state.best is None or score > self.state.best.score:
            weights = {name: value.clone() for name, value in averaged.state_dict().items()}
            self.state.best = Best(self.state.step, score, weights)
        row = {"step": self.state.step, "loss": self._mean_over_group(fmean(self.state.losses))}
        self.state.losses = []
        self.state.curves.append(row | {f"{target}_sdr": value for target, value in sdr.items()})
        if self.group.leads:
            self.state.save(self.scratch)
            self.report(self.state.curves[-1] | speed)

    def _mean_over_group(self, value: float) -> float:
        return fmean(self.group.gather([value]))


def _require_finite(loss: float, batch: Batch) -> None:
    if not math.isfinite(loss):
        crops = "; ".join(batch.sources)
        raise UserError(
            f"train: the loss is {loss} at step {batch.step}: lower train.learning_rate, or look at {crops}"
        )
