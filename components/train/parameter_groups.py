"""The groups of weights that have a learning rate of their own, and the frozen weights, which are in no group.

A pattern such as `stems.*.down.*` chooses the modules of `separator.network` by their names; `*` also matches dots.
"""

from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from components.core.base.errors import UserError
from components.core.networks.base.separator import Separator
from components.train.config import TrainConfig


def freeze_modules(separator: Separator, config: TrainConfig) -> None:
    """Exclude the frozen parts of `separator` from the training, and keep the statistics of frozen batch norms.

    Raises UserError for a pattern that matches no module.
    """
    for pattern in config.frozen:
        for module in _matching(separator.network, pattern, "frozen"):
            module.requires_grad_(False)
            _keep_statistics(module)
    if config.frozen_norms:
        _keep_statistics(separator)


def parameter_groups(separator: Separator, config: TrainConfig) -> list[dict[str, Any]]:
    """Return the optimizer's groups: the trained weights, by their `factor` on the learning rate.

    Where several patterns match a weight, the last one decides. Raises UserError for a pattern that matches no module,
    and when no weight is left to train.
    """
    factors = {id(parameter): 1.0 for parameter in separator.parameters()}
    for pattern, factor in config.learning_rates.items():
        for module in _matching(separator.network, pattern, "learning_rates"):
            factors |= {id(parameter): factor for parameter in module.parameters()}
    trained = [parameter for parameter in separator.parameters() if parameter.requires_grad]
    if not trained:
        raise UserError("train.frozen: no weight is left to train: remove a pattern")
    return [
        {"params": [value for value in trained if factors[id(value)] == factor], "factor": factor}
        for factor in sorted({factors[id(value)] for value in trained})
    ]


def _matching(network: nn.Module, pattern: str, parameter: str) -> list[nn.Module]:
    """Return the modules whose names match; `*` alone also matches the network itself, with its own weights."""
    found = [module for name, module in network.named_modules() if fnmatchcase(name, pattern)]
    if not found:
        names = [name for name, _ in network.named_modules() if name]
        raise UserError(f"train.{parameter}: no module matches {pattern} (there are {', '.join(names[:20])} …)")
    return found


def _keep_statistics(part: nn.Module) -> None:
    for module in part.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
