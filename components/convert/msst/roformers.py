"""Published RoFormers: BS-RoFormer and Mel-Band RoFormer, whose files look alike."""

from collections.abc import Collection
from typing import Any, Literal, Self

import torch
from pydantic import model_validator

from components.convert.msst.family import Family, PublishedNetwork, State
from components.convert.msst.training_config import TrainingConfig
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.architectures.bs_roformer import BSRoformerConfig
from components.core.networks.architectures.mel_band_roformer import MelBandRoformerConfig
from components.core.networks.base.roformer import rotary_frequencies
from components.core.networks.base.roformer_config import RoformerConfig

_WITHOUT_EFFECT = (
    "flash_attn", "sage_attention", "use_torch_checkpoint", "multi_stft_", "match_input_audio_length", "dim_freqs_in",
    "mask_estimator_depth",
)  # fmt: skip
"""Keys about speed, loss or length; the depth of the mask estimators is in the names of the weights, and programs count
it differently."""

_POSITIONS = "rotary_embed.freqs"
_FIRST_MASK = "mask_estimators.0.to_freqs.0.0."
_TOLERANCE = 1e-2  # relative: files in half precision round the constants


class _Model(Section):
    """The section `model`; its defaults are those of the training code, which trained with `zero_dc`."""

    dim: int
    depth: int
    stereo: bool = False
    num_stems: int = 1
    time_transformer_depth: int = 2
    freq_transformer_depth: int = 2
    linear_transformer_depth: Literal[0] = 0
    dim_head: int = 64
    heads: int = 8
    attn_dropout: float = 0.0
    ff_dropout: float = 0.0
    stft_n_fft: int = 2048
    stft_hop_length: int = 512
    stft_win_length: int = 2048
    stft_normalized: Literal[False] = False
    stft_window_fn: None = None
    zero_dc: bool = True
    mlp_expansion_factor: int = 4
    skip_connection: Literal[False] = False
    use_pope: Literal[False] = False

    @model_validator(mode="after")
    def _window_fills_a_frame(self) -> Self:
        if self.stft_win_length != self.stft_n_fft:
            raise ValueError(f"stft_win_length: only a window of all {self.stft_n_fft} samples of a frame is supported")
        return self


class _BandSplitModel(_Model):
    freqs_per_bands: tuple[int, ...] = BSRoformerConfig().bands


class _MelBandModel(_Model):
    num_bands: int = 60
    sample_rate: int = 44100


def _read_bs_roformer(config: TrainingConfig, state: State) -> PublishedNetwork:
    model = config.section("model", _BandSplitModel, _WITHOUT_EFFECT)
    return _make(config, model, state, BSRoformerConfig, {"bands": model.freqs_per_bands})


def _read_mel_band_roformer(config: TrainingConfig, state: State) -> PublishedNetwork:
    model = config.section("model", _MelBandModel, _WITHOUT_EFFECT)
    return _make(config, model, state, MelBandRoformerConfig, {"bands": model.num_bands, "rate": model.sample_rate})


def _make(
    config: TrainingConfig, model: _Model, state: State, schema: type[RoformerConfig], more: dict[str, Any]
) -> PublishedNetwork:
    config.refuse_normalisation("a RoFormer")
    if model.num_stems != len(config.targets):
        raise UserError(
            f"{config.path}: model.num_stems is {model.num_stems}, and training names {len(config.targets)} stems "
            f"({', '.join(config.targets)}): correct training.instruments or training.target_instrument"
        )
    values = {
        "width": model.dim, "depth": model.depth, "heads": model.heads, "head_width": model.dim_head,
        "time_layers": model.time_transformer_depth, "band_layers": model.freq_transformer_depth,
        "mask_layers": _count_mask_layers(state), "mask_expansion": model.mlp_expansion_factor,
        "dropout": max(model.attn_dropout, model.ff_dropout), "zero_dc": model.zero_dc, "window": model.stft_n_fft,
        "hop": model.stft_hop_length, "segment": config.segment,
    }  # fmt: skip
    network = parse_section("network", values | more, schema, str(config.path))
    _require_usual_positions(config, state, model.dim_head)
    weights = {name: value for name, value in state.items() if not name.endswith(_POSITIONS)}
    return PublishedNetwork(network, 2 if model.stereo else 1, weights)


def _count_mask_layers(state: State) -> int:
    return sum(name.startswith(_FIRST_MASK) and name.endswith(".weight") for name in state)


def _require_usual_positions(config: TrainingConfig, state: State, head_width: int) -> None:
    """Raise UserError where the rotary frequencies, which are constants in our network, have other values."""
    usual = rotary_frequencies(head_width)
    for name, value in state.items():
        if name.endswith(_POSITIONS) and not (
            value.shape == usual.shape and torch.allclose(value, usual, rtol=_TOLERANCE)
        ):
            raise UserError(
                f"{config.path}: model.dim_head is {head_width}, and {name} in the weights differs from the rotary "
                "positions of so many features: name the files of one training"
            )


def _is_roformer(names: Collection[str]) -> bool:
    return f"{_FIRST_MASK}0.weight" in names and any(name.startswith("band_split.to_features.") for name in names)


BS_ROFORMER = Family(
    "BS-RoFormer", lambda names: _is_roformer(names) and "final_norm.gamma" in names, _read_bs_roformer
)
MEL_BAND_ROFORMER = Family(
    "Mel-Band RoFormer",
    lambda names: _is_roformer(names) and "layers.0.0.norm.gamma" in names,
    _read_mel_band_roformer,
)
