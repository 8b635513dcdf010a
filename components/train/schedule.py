"""The learning rate at each step."""

import math

from components.train.config import TrainConfig


def learning_rate(config: TrainConfig, step: int) -> float:
    """Return the rate: linear warm-up, then half a cosine down to 1 % (Loshchilov and Hutter, ICLR 2017)."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    return config.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
