"""The parts of a training: parameters, schedule, losses, validation, state, and when it ends."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as distributed
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.data.cache_format import ShardReader
from components.core.networks.base.separator import Separator
from components.core.networks.registry import build_separator
from components.core.sound.decoding import Audio
from components.train.config import TrainConfig
from components.train.crops.sampler import Batch
from components.train.loop import Trainer
from components.train.losses import LOSSES
from components.train.process_group import Group
from components.train.schedule import learning_rate
from components.train.state import CHECKPOINT, Best, TrainingState, new_state
from components.train.train import flat_params, training_key
from components.train.validation import validation_sdr
from tests.components.train.train_music import PARAMS, RATE, TARGETS, noise, noise_cache, train_config, write_cache


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    """A group of this process alone."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield Group(0, 1, torch.device("cpu"))
    distributed.destroy_process_group()


@pytest.fixture(autouse=True)
def _known_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every trainer measures its device, which takes longer than the whole of these trainings."""
    monkeypatch.setattr("components.train.loop.peak_flops", lambda _device, _dtype: 1e12)


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


# parameters


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"steps": 0}, "train.steps: expected a number greater than 0"),
        ({"steps": "many"}, "train.steps: expected a whole number"),
        ({"precision": "fp16"}, "train.precision: expected 'fp32' or 'bf16'"),
        ({"loss": "cubic"}, "train.loss: expected 'waveform' or 'magnitude'"),
        ({"ema_decay": 1.0}, "train.ema_decay"),
        ({"lerning_rate": 1.0}, "train.lerning_rate: no such parameter"),
        ({"augment": {"flip_share": 1.5}}, "train.augment.flip_share"),
        ({"network": {"name": "vnet"}}, "no architecture 'vnet' (there are bs_roformer, conv_tasnet,"),
        ({"network": {"name": "unet", "depth": 3}}, "network.depth: no such parameter"),
    ],
)
def test_a_wrong_parameter_is_one_line_that_names_it(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=re.escape(complaint)) as raised:
        train_config(**change)
    assert "\n" not in str(raised.value)


def test_a_missing_parameter_is_named() -> None:
    values = {name: value for name, value in PARAMS.items() if name != "batch"}
    with pytest.raises(UserError, match=r"train\.batch: missing"):
        parse_section("train", values, TrainConfig, "params.yaml")


def test_parameters_are_logged_flat() -> None:
    flat = flat_params(train_config().model_dump(mode="json"))
    assert flat["train.network.stft.window"] == 512
    assert flat["train.augment.gain_db"] == 6.0
    assert flat["train.steps"] == 40


# what names a training


def test_another_parameter_or_other_data_is_another_training(tmp_path: Path) -> None:
    cache = noise_cache(tmp_path / "a")
    key = training_key(train_config(), cache)
    assert key == training_key(train_config(), noise_cache(tmp_path / "b"))
    assert key != training_key(train_config(steps=81), cache)
    assert key != training_key(train_config(network=PARAMS["network"] | {"bins": 127}), cache)


def test_other_sound_of_the_same_length_and_level_is_another_training(tmp_path: Path) -> None:
    stems = noise(0, 1)
    first = write_cache(tmp_path / "a", {("train", "Song"): stems})
    second = write_cache(tmp_path / "b", {("train", "Song"): -stems})
    assert (first / "index.csv").read_text() == (second / "index.csv").read_text()
    assert training_key(train_config(), first) != training_key(train_config(), second)


# schedule


def test_learning_rate_warms_up_then_falls_to_a_hundredth() -> None:
    config = train_config(steps=100, warmup_steps=10, learning_rate=0.5)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert rates[9] == rates[10] == pytest.approx(0.5)
    assert rates[55] == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate(config, 100) == pytest.approx(0.005)


def test_learning_rate_without_warm_up_and_with_nothing_but_warm_up() -> None:
    assert learning_rate(train_config(warmup_steps=0, learning_rate=0.5), 0) == pytest.approx(0.5)
    assert learning_rate(train_config(steps=10, warmup_steps=10, learning_rate=0.5), 9) == pytest.approx(0.5)
    assert learning_rate(train_config(steps=10, warmup_steps=20, learning_rate=0.5), 9) == pytest.approx(0.25)


# losses


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_equal_stems_have_no_loss(name: str) -> None:
    stems = torch.randn(2, 2, 2, 5000, generator=torch.Generator().manual_seed(0))
    assert LOSSES[name](stems, stems).item() == 0


def test_waveform_loss_is_the_mean_absolute_difference() -> None:
    stems = torch.zeros(1, 2, 2, 5000)
    estimates = stems.clone()
    estimates[:, 0] = 0.5
    estimates[:, 1] = -0.25
    assert LOSSES["waveform"](estimates, stems).item() == pytest.approx((0.5 + 0.25) / 2)


def test_magnitude_loss_forgives_phase_and_is_linear_in_level() -> None:
    stems = torch.randn(1, 2, 2, 8192, generator=torch.Generator().manual_seed(0))
    assert LOSSES["magnitude"](-stems, stems).item() == pytest.approx(0, abs=1e-5)
    once, twice = (LOSSES["magnitude"](factor * stems, torch.zeros_like(stems)).item() for factor in (1, 2))
    assert twice == pytest.approx(2 * once, rel=1e-5)
    assert once > 0


def test_magnitude_loss_of_a_constant_is_that_of_the_window() -> None:
    level, samples = 0.5, 4096 * 4
    loss = LOSSES["magnitude"](torch.full((1, 1, 1, samples), level), torch.zeros(1, 1, 1, samples)).item()
    window = np.hanning(4097)[:-1]
    padded = np.pad(np.full(samples, level), 2048)
    frames = [np.abs(np.fft.rfft(padded[start : start + 4096] * window)) for start in range(0, samples + 1, 1024)]
    assert loss == pytest.approx(float(np.mean(frames)), rel=1e-4)


# validation


class _Fixed(Separator):
    """Separates any mixture into given shares of it."""

    def __init__(self, *shares: float) -> None:
        super().__init__()
        self.segment = 1024
        self.shares = torch.tensor(shares)

    def estimates(self, mixture: Tensor) -> Tensor:
        return self.shares.reshape(1, -1, 1, 1) * mixture.unsqueeze(1)


def plain_sdr(stem: Audio, estimate: Audio) -> list[float]:
    """BSS Eval v4's SDR, second by second."""
    frames = range(0, stem.shape[1] - RATE + 1, RATE)
    cut = [(stem[:, start : start + RATE], (stem - estimate)[:, start : start + RATE]) for start in frames]
    return [10 * math.log10(float((s.astype(float) ** 2).sum() / (e.astype(float) ** 2).sum())) for s, e in cut]


def test_validation_sdr_is_the_plain_formula_medianed_over_frames_then_tracks(tmp_path: Path, group: Group) -> None:
    rise = np.linspace(0.2, 1.0, 5 * RATE, dtype=np.float32)  # so that the frames differ
    music = {name: noise(number, 5) * np.stack([rise, rise[::-1]])[:, None] for number, name in enumerate("abc")}
    reader = ShardReader(write_cache(tmp_path, {("validation", k): v for k, v in music.items()}), "validation")
    sdr = validation_sdr(_Fixed(0.7, 0.4), reader, 3 * 3.0, group)
    for target, share in ((0, 0.7), (1, 0.4)):
        medians = []
        for track in reader.tracks:
            stems = np.stack([reader.read(track, name, RATE, 3 * RATE) for name in TARGETS])  # the middle
            medians.append(np.median(plain_sdr(stems[target], np.float32(share) * stems.sum(axis=0))))
        assert sdr[TARGETS[target]] == pytest.approx(float(np.median(medians)), abs=1e-3)


def test_silent_frames_and_silent_tracks_count_for_nothing(tmp_path: Path, group: Group) -> None:
    sung, pause, instrumental = noise(0, 3), noise(0, 3), noise(1, 3)
    pause[0, :, RATE : 2 * RATE] = 0
    instrumental[0] = 0
    tracks = {"sung": sung, "pause": pause}

    def vocals(*names: str) -> float:
        chosen = {("validation", name): (tracks | {"instrumental": instrumental})[name] for name in names}
        reader = ShardReader(write_cache(tmp_path / "-".join(names), chosen), "validation")
        return validation_sdr(_Fixed(0.5, 0.5), reader, 3.0 * len(names), group)["vocals"]

    assert vocals("pause") == pytest.approx(vocals("sung"), abs=0.2)
    assert vocals("sung", "instrumental") == pytest.approx(vocals("sung"), abs=1e-6)
    assert math.isnan(vocals("instrumental"))


def test_a_track_shorter_than_a_second_is_scored(tmp_path: Path, group: Group) -> None:
    reader = ShardReader(write_cache(tmp_path, {("validation", "short"): noise(0, 0.3)}), "validation")
    assert math.isfinite(validation_sdr(_Fixed(0.5, 0.5), reader, 0.1, group)["vocals"])


# state


def test_a_restored_training_goes_on_bit_for_bit(tmp_path: Path) -> None:
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


def test_the_average_follows_the_buffers_too() -> None:
    state = tiny_state(train_config(ema_decay=0.5))
    take_steps(state, 4, seed=0)
    names = [name for name, _ in state.separator.named_buffers() if name.endswith("running_mean")]
    assert names
    for name in names:
        assert state.averaged.get_buffer(name).abs().sum() > 0


def test_without_a_checkpoint_nothing_is_restored(tmp_path: Path) -> None:
    assert not tiny_state(train_config()).restore(tmp_path)


def test_a_checkpoint_holds_no_code(tmp_path: Path) -> None:
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


# the loop


class _Story:
    """Rows that the loop reports, and the trainer that reports them."""

    def __init__(self, config: TrainConfig, cache: Path, group: Group, scratch: Path) -> None:
        self.rows: list[dict[str, float]] = []
        self.state = tiny_state(config)
        readers = ShardReader(cache, "train"), ShardReader(cache, "validation")
        scratch.mkdir()
        self.trainer = Trainer(config, self.state, *readers, group, scratch, self.rows.append)


def test_the_loop_ends_at_the_last_step_and_validates_there(tmp_path: Path, group: Group) -> None:
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


def test_patience_counts_validations_since_the_best(tmp_path: Path, group: Group) -> None:
    config = train_config(steps=100, validate_every=10, patience=2)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    assert not story.trainer.finished
    story.state.best = Best(30, 1.0, {})
    for step, finished in ((30, False), (40, False), (49, False), (50, True), (60, True)):
        story.state.step = step
        assert story.trainer.finished is finished


def test_a_training_that_does_not_improve_ends_early(
    tmp_path: Path, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([1.0, 3.0, 2.0, 2.9, 9.0])
    monkeypatch.setattr("components.train.loop.validation_sdr", lambda *_: dict.fromkeys(TARGETS, next(scores)))
    config = train_config(steps=50, validate_every=1, patience=2)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    story.trainer.run()
    assert [row["step"] for row in story.rows] == [1, 2, 3, 4]
    assert story.state.best is not None
    assert (story.state.best.step, story.state.best.score) == (2, 3.0)


def test_a_target_that_is_never_heard_leaves_the_others_to_choose(
    tmp_path: Path, group: Group, monkeypatch: pytest.MonkeyPatch
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


def test_a_loss_that_is_no_number_names_step_and_tracks(tmp_path: Path, group: Group) -> None:
    config = train_config(steps=5)
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    stems = np.full((1, 2, 2, 4000), np.nan, np.float32)
    with pytest.raises(UserError, match=r"loss is nan at step 17.*vocals of 'made/Song 1' at 2\.00 s"):
        story.trainer._step(Batch(17, stems, ("vocals of 'made/Song 1' at 2.00 s",)))


def test_quiet_crops_count_as_much_as_loud_ones(tmp_path: Path, group: Group) -> None:
    config = train_config(loss="waveform")
    story = _Story(config, noise_cache(tmp_path / "cache"), group, tmp_path / "scratch")
    training_pass = story.trainer._pass.module.train(False)
    stems = torch.randn(1, 2, 2, 4000, generator=torch.Generator().manual_seed(0))
    losses = [training_pass(level * stems).item() for level in (1.0, 0.05)]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


class _Plain(Separator):
    """A network without batch norm: each crop is taken by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.segment = nn.Sequential(nn.Conv1d(2, 8, 9, padding=4), nn.Tanh(), nn.Conv1d(8, 4, 1)), 1024

    def estimates(self, mixture: Tensor) -> Tensor:
        stems: Tensor = self.network(mixture).unflatten(1, (2, 2))
        return stems


def first_step(
    folder: Path, group: Group, separator: Separator, passes: int, count: list[int]
) -> tuple[float, Tensor, Tensor]:
    """Make one step on six crops; return the loss, the gradients and the weights after it."""
    config = train_config(batch=6, passes=passes, clip_norm=1e9, warmup_steps=0)
    folder.mkdir(exist_ok=True)
    readers = [ShardReader(noise_cache(folder / "cache"), split) for split in ("train", "validation")]
    trainer = Trainer(config, new_state(config, separator), readers[0], readers[1], group, folder, lambda _row: None)
    separator.network.register_forward_hook(lambda _module, inputs, _output: count.append(len(inputs[0])))
    stems = torch.randn(6, 2, 2, 2000, generator=torch.Generator().manual_seed(0))
    stems *= torch.arange(1.0, 7.0).reshape(6, 1, 1, 1)
    loss = trainer._step(Batch(0, stems.numpy(), ("somewhere",) * 6))
    gradients = [parameter.grad.flatten() for parameter in separator.parameters() if parameter.grad is not None]
    weights = [parameter.detach().flatten() for parameter in separator.parameters()]
    return loss, torch.cat(gradients), torch.cat(weights)


@pytest.mark.parametrize("passes", [2, 3, 6])
def test_in_several_passes_a_step_is_the_same(tmp_path: Path, group: Group, passes: int) -> None:
    taken: dict[int, list[int]] = {1: [], passes: []}
    steps = {}
    for number, counts in taken.items():
        torch.manual_seed(0)
        steps[number] = first_step(tmp_path / str(number), group, _Plain(), number, counts)
    assert taken == {1: [6], passes: [6 // passes] * passes}
    for once, several in zip(steps[1], steps[passes], strict=True):
        assert several == pytest.approx(once, rel=1e-4, abs=1e-6)
    assert steps[1][1].abs().max() > 1e-4


def test_in_several_passes_batch_norms_see_fewer_crops_at_a_time(tmp_path: Path, group: Group) -> None:
    """So with them passes change a step a little: they take each pass's own statistics."""
    losses = {}
    for passes in (1, 2):
        separator = tiny_state(train_config()).separator
        losses[passes], _, _ = first_step(tmp_path / str(passes), group, separator, passes, [])
    assert losses[1] != losses[2]
    assert losses[2] == pytest.approx(losses[1], rel=0.05)


def test_a_group_deals_the_crops_out_and_gathers_in_their_order(group: Group) -> None:
    assert group.leads
    assert list(group.crops(3)) == [0, 1, 2]
    assert sorted([*Group(0, 2, group.device).crops(5), *Group(1, 2, group.device).crops(5)]) == list(range(5))
    assert not Group(1, 2, group.device).leads
    assert group.gather(["a", "b"]) == ["a", "b"]
