"""Published networks of the kind Hybrid Transformer Demucs, which the package `demucs` computes."""

from collections.abc import Callable
from typing import Any

from pydantic import PositiveFloat, PositiveInt
from torch import nn

from components.convert.demucs import HTDEMUCS_NAMES
from components.convert.demucs_package import add_defaults
from components.convert.msst.family import Family, PublishedNetwork, State
from components.convert.msst.training_config import TrainingConfig
from components.convert.open_section import OpenSection
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional
from components.core.base.params import parse_section
from components.core.networks.architectures.htdemucs import HTDemucsConfig

_SECTION = "htdemucs"


class _Training(OpenSection):
    """The section `training`; `segment` is in seconds."""

    channels: PositiveInt = 2
    samplerate: PositiveInt = 44100
    segment: PositiveFloat


def _read(config: TrainingConfig, state: State) -> PublishedNetwork:
    training = config.section("training", _Training)
    if training.samplerate != config.rate:
        raise UserError(
            f"{config.path}: training.samplerate is {training.samplerate}, and audio.sample_rate is {config.rate}: "
            "correct one of them"
        )
    settings, original = _build_package_network(config, training)
    try:
        original.load_state_dict(dict(state))
    except RuntimeError as error:
        raise UserError(f"{config.path} does not fit the weights: {' '.join(str(error).split())[:200]}") from None
    values = {name: settings[theirs] for name, theirs in HTDEMUCS_NAMES.items()}
    values |= {"segment": round(training.segment * training.samplerate)}
    network = parse_section("network", values, HTDemucsConfig, str(config.path))
    return PublishedNetwork(network, training.channels, state, original)


def _build_package_network(config: TrainingConfig, training: _Training) -> tuple[dict[str, Any], nn.Module]:
    """Return all settings of the package's network, and the network in evaluation mode, for input of any length."""
    package = import_optional("demucs.htdemucs", "demucs", "Hybrid Transformer Demucs")
    network_class: Callable[..., nn.Module] = package.HTDemucs
    given = config.values.get(_SECTION)
    if not isinstance(given, dict):
        raise UserError(f"{config.path} has no section '{_SECTION}': name the YAML file of these weights")
    usual = ("num_subbands", 1)  # the training code has networks with more, the package has none
    settings = {name: value for name, value in given.items() if (name, value) != usual} | {
        "sources": list(config.targets), "audio_channels": training.channels, "samplerate": training.samplerate,
        "segment": training.segment, "use_train_segment": False,
    }  # fmt: skip
    try:
        return add_defaults(network_class, settings), network_class(**settings).eval()
    except Exception as error:
        # the package checks few of its arguments, so wrong ones raise errors of many kinds
        raise UserError(f"{config.path}: {_SECTION}: {' '.join(str(error).split()) or 'unusable sizes'}") from None


HTDEMUCS = Family(
    "Hybrid Transformer Demucs",
    lambda names: any(name.startswith("crosstransformer.") for name in names),
    _read,
)
