"""The training loop: its steps, its validations and its end."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.data.cache_format import ShardReader
from components.core.networks.base.separator import Separator
from components.train.checkpoint import CHECKPOINT, Best, new_state
from components.train.config import TrainConfig
from components.train.crops.loading import Batch
from components.train.loop import Trainer, TrainingPass
from components.train.losses import LOSSES
from components.train.process_group import ProcessGroup
from tests.components.train.train_music import TARGETS, noise_cache, train_config
from tests.components.train.training_states import tiny_state


@pytest.fixture(autouse=True)
def _fixed_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the measurement of the device, which takes longer than these trainings."""
    monkeypatch.setattr("components.train.loop.peak_flops", lambda _device, _dtype: 1e12)


class _Story:
    """Rows that the loop reports, and the trainer that reports them."""

    def __init__(self, config: TrainConfig, cache: Path, group: ProcessGroup, scratch: Path) -> None:
        self.rows: list[dict[str, float]] = []
        self.state = tiny_state(config)
        readers = ShardReader(cache, "train"), ShardReader(cache, "validation")
        scratch.mkdir()
        self.trainer = Trainer(config, self.state, *readers, group, scratch, self.rows.append)


@pytest.mark.slow
def test_loop_validates_at_the_last_step(tmp_path: Path, group: ProcessGroup) -> None:
    story = _Story(
        train_config(steps=5, validate_every=2), noise_cache(tmp_path / "cache"), group, tmp_path / "scratch"
    )
    story.trainer.run()
    assert [row["step"] for row in story.rows] == [2, 4, 5]
    assert story.state.step == 5
    assert story.trainer.finished
    speed = {"audio_seconds_a_second", "gflops", "share_of_peak", "share_waiting", "memory_gb", "seconds"}
    assert set(story.rows[0]) == {"step", "loss", "vocals_sdr", "accompaniment_sdr"} | speed
    assert story.state.best is not None
    scores = [(row["vocals_sdr"] + row["accompaniment_sdr"]) / 2 for row in story.rows]
    assert story.state.best.score == pytest.approx(max(scores))
    assert (tmp_path / "scratch" / CHECKPOINT).is_file()


def test_patience_counts_validations_since_the_best(tmp_path: Path, group: ProcessGroup) -> None:
    config = train_config(steps=100, validate_every=10, patience=2)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    assert not story.trainer.finished
    story.state.best = Best(30, 1.0, {})
    for step, finished in ((30, False), (40, False), (49, False), (50, True), (60, True)):
        story.state.step = step
        assert story.trainer.finished is finished


def test_training_without_improvement_ends_early(
    tmp_path: Path, group: ProcessGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([1.0, 3.0, 2.0, 2.9, 9.0])
    monkeypatch.setattr("components.train.loop.validation_sdr", lambda *_: dict.fromkeys(TARGETS, next(scores)))
    config = train_config(steps=50, validate_every=1, patience=2)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    story.trainer.run()
    assert [row["step"] for row in story.rows] == [1, 2, 3, 4]
    assert story.state.best is not None
    assert (story.state.best.step, story.state.best.score) == (2, 3.0)


def test_silent_target_is_ignored_in_the_choice_of_the_best(
    tmp_path: Path, group: ProcessGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([1.0, 2.0, 3.0])
    monkeypatch.setattr(
        "components.train.loop.validation_sdr",
        lambda *_: {"vocals": float("nan"), "accompaniment": next(scores)},
    )
    config = train_config(steps=3, validate_every=1)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    story.trainer.run()
    assert story.state.best is not None
    assert (story.state.best.step, story.state.best.score) == (3, 3.0)


def test_nan_loss_is_a_user_error_with_step_and_tracks(tmp_path: Path, group: ProcessGroup) -> None:
    config = train_config(steps=5)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    stems = np.full((1, 2, 2, 4000), np.nan, np.float32)
    with pytest.raises(UserError, match=r"loss is nan at step 17.*vocals of 'made/Song 1' at 2\.00 s"):
        story.trainer.take_step(Batch(17, stems, ("vocals of 'made/Song 1' at 2.00 s",)))


def test_quiet_crops_count_as_much_as_loud_ones() -> None:
    config = train_config(loss="waveform")
    training_pass = TrainingPass(tiny_state(config).separator, LOSSES[config.loss], config.precision).eval()
    stems = torch.randn(1, 2, 2, 4000, generator=torch.Generator().manual_seed(0))
    losses = [training_pass(level * stems).item() for level in (1.0, 0.05)]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


class _Plain(Separator):
    """A network without batch norm, so that crops do not affect each other."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.segment = nn.Sequential(nn.Conv1d(2, 8, 9, padding=4), nn.Tanh(), nn.Conv1d(8, 4, 1)), 1024

    def estimates(self, mixture: Tensor) -> Tensor:
        stems: Tensor = self.network(mixture).unflatten(1, (2, 2))
        return stems


def first_step(
    folder: Path, group: ProcessGroup, separator: Separator, passes: int, count: list[int]
) -> tuple[float, Tensor, Tensor]:
    """Make one step on six crops; return the loss, the gradients and the weights after it."""
    config = train_config(batch=6, passes=passes, clip_norm=1e9, warmup_steps=0)
    folder.mkdir(exist_ok=True)
    readers = [ShardReader(noise_cache(folder / "cache"), split) for split in ("train", "validation")]
    trainer = Trainer(config, new_state(config, separator), readers[0], readers[1], group, folder, lambda _row: None)
    separator.network.register_forward_hook(lambda _module, inputs, _output: count.append(len(inputs[0])))
    stems = torch.randn(6, 2, 2, 2000, generator=torch.Generator().manual_seed(0))
    stems *= torch.arange(1.0, 7.0).reshape(6, 1, 1, 1)
    loss = trainer.take_step(Batch(0, stems.numpy(), ("somewhere",) * 6))
    gradients = [parameter.grad.flatten() for parameter in separator.parameters() if parameter.grad is not None]
    weights = [parameter.detach().flatten() for parameter in separator.parameters()]
    return loss, torch.cat(gradients), torch.cat(weights)


@pytest.mark.parametrize("passes", [2, 3, 6])
def test_step_does_not_depend_on_the_number_of_passes(tmp_path: Path, group: ProcessGroup, passes: int) -> None:
    taken: dict[int, list[int]] = {1: [], passes: []}
    steps = {}
    for number, counts in taken.items():
        torch.manual_seed(0)
        steps[number] = first_step(tmp_path / str(number), group, _Plain(), number, counts)
    assert taken == {1: [6], passes: [6 // passes] * passes}
    for once, several in zip(steps[1], steps[passes], strict=True):
        assert several == pytest.approx(once, rel=1e-4, abs=1e-6)
    assert steps[1][1].abs().max() > 1e-4


def test_batch_norms_see_only_the_crops_of_a_pass(tmp_path: Path, group: ProcessGroup) -> None:
    """Batch norms use the statistics of each pass, so several passes change a step slightly."""
    losses = {}
    for passes in (1, 2):
        separator = tiny_state(train_config()).separator
        losses[passes], _, _ = first_step(tmp_path / str(passes), group, separator, passes, [])
    assert losses[1] != losses[2]
    assert losses[2] == pytest.approx(losses[1], rel=0.05)
