"""The learning rate at each step."""

import pytest

from components.train.schedule import learning_rate
from tests.components.train.train_music import train_config


def test_learning_rate_warms_up_then_falls_to_a_hundredth() -> None:
    config = train_config(steps=100, warmup_steps=10, learning_rate=0.5)
    rates = [learning_rate(config, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.05)
    assert rates[9] == rates[10] == pytest.approx(0.5)
    assert rates[55] == pytest.approx(0.5 * (0.01 + 0.99 / 2))
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate(config, 100) == pytest.approx(0.005)


def test_learning_rate_accepts_no_warm_up_and_only_warm_up() -> None:
    assert learning_rate(train_config(warmup_steps=0, learning_rate=0.5), 0) == pytest.approx(0.5)
    assert learning_rate(train_config(steps=10, warmup_steps=10, learning_rate=0.5), 9) == pytest.approx(0.5)
    assert learning_rate(train_config(steps=10, warmup_steps=20, learning_rate=0.5), 9) == pytest.approx(0.25)
