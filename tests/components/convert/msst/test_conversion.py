"""Published networks as models of ours return the stems of the code that trained them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from components.convert.convert import convert
from components.core.base.errors import UserError
from components.core.models.model_folder import load_model
from components.core.networks.base.separator import Separator
from tests.components.convert.msst.published_examples import FOLDER, load_example, write_sources
from tests.support.tiny_models import run_python

EXAMPLES = sorted(folder.name for folder in FOLDER.iterdir())
TARGETS = {
    "bs_roformer": ("vocals", "accompaniment"),
    "mdx23c": ("vocals", "accompaniment"),
    "mel_band_roformer": ("vocals", "accompaniment"),
    "scnet": ("drums", "bass", "other", "vocals"),
}
SEGMENTS = {"bs_roformer": 3200, "mdx23c": 2016, "mel_band_roformer": 6400, "scnet": 4096}


def _heads(separator: Separator, mixture: Tensor, count: int) -> Tensor:
    """Return the stems of the network alone, which need not add up."""
    with torch.inference_mode():
        return separator.estimates(mixture)[:, :count]


@pytest.mark.parametrize("name", EXAMPLES)
def test_converted_network_returns_the_stems_of_the_training_code(name: str, tmp_path: Path) -> None:
    example = load_example(name)
    torch.save({"epoch": 3, "state_dict": example.weights}, tmp_path / "x.ckpt")
    converted = convert("msst", (str(example.config), str(tmp_path / "x.ckpt")), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert (model.targets, model.rate, model.channels) == (TARGETS[name], 44100, 2)
    assert model.separator.segment == SEGMENTS[name]
    assert model.origin["converted_from"] == "msst"
    assert sorted(model.origin["files"]) == ["config.yaml", "x.ckpt"]
    found = _heads(model.separator, example.mixture, example.stems.shape[1])
    assert len(converted.targets) == example.stems.shape[1]
    assert example.stems.abs().max() > 0.01
    assert (found - example.stems).abs().max() < 1e-4 * example.stems.abs().max()


@pytest.mark.parametrize("name", EXAMPLES)
def test_stems_of_a_converted_model_add_up(name: str, tmp_path: Path) -> None:
    example = load_example(name)
    convert("msst", write_sources(tmp_path, example), tmp_path / "model")
    with torch.inference_mode():
        stems = load_model(tmp_path / "model").separator(example.mixture)
    assert (stems.sum(dim=1) - example.mixture).abs().max() < 1e-5
    if example.stems.shape[1] == 1:
        assert (stems[:, :1] - example.stems).abs().max() < 1e-4 * example.stems.abs().max()


@pytest.mark.parametrize(
    ("wrapper", "prefix"),
    [(None, ""), ("state", "module."), ("state_dict", "model."), ("model_state_dict", "module.model."), ("model", "")],
)
def test_weights_are_found_inside_the_state_of_a_training(wrapper: str | None, prefix: str, tmp_path: Path) -> None:
    example = load_example("bs_roformer")
    weights = {f"{prefix}{name}": value.half() for name, value in example.weights.items()}
    torch.save({wrapper: weights, "epoch": 1} if wrapper else weights, tmp_path / "x.pth")
    convert("msst", (str(example.config), str(tmp_path / "x.pth")), tmp_path / "model")
    state = load_model(tmp_path / "model").separator.state_dict()
    assert all(value.dtype == torch.float32 for value in state.values())


def test_weights_are_read_from_safetensors(tmp_path: Path) -> None:
    example = load_example("bs_roformer")
    save_file(example.weights, tmp_path / "x.safetensors")
    assert convert("msst", (str(example.config), str(tmp_path / "x.safetensors")), tmp_path / "model").rate == 44100


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("bs_roformer", {"model": {"use_pope": True}}, "model.use_pope: expected False, got True"),
        ("bs_roformer", {"model": {"hyper": 2}}, "model.hyper: no such parameter"),
        ("bs_roformer", {"model": {"stft_win_length": 64}}, "only a window of all 128 samples of a frame"),
        ("bs_roformer", {"model": {"depth": 3}}, "does not fit msst: .* Missing key"),
        ("bs_roformer", {"model": {"num_stems": 2}}, r"num_stems is 2, and training names 1 stems \(vocals\)"),
        (
            "bs_roformer",
            {"model": {"dim_head": 4, "heads": 4}},
            "model.dim_head is 4, and layers.* differs from the rotary positions",
        ),
        ("mel_band_roformer", {"model": {"linear_transformer_depth": 1}}, "model.linear_transformer_depth: expected 0"),
        ("mdx23c", {"model": {"norm": "GroupNorm4"}}, "model.norm: expected 'InstanceNorm' or 'BatchNorm', got"),
        ("mdx23c", {"audio": {"hop_length": 129}}, "hop: at most half of the window, 128"),
        ("mdx23c", {"audio": {"dim_f": 200}}, "bins: an STFT of window 256 has only 129"),
        ("scnet", {"model": {"normalized": False}}, "model.normalized: expected True, got False"),
        ("scnet", {"model": {"dims": [8, 8, 8, 8]}}, "dims: the first must be 4"),
        ("scnet", {"model": {"band_SR": [0.5, 0.5]}}, "model.band_SR"),
        ("scnet", {"training": {"target_instrument": "bass"}}, r"sources has 4 stems, and training names 1 \(bass\)"),
        ("bs_roformer", {"inference": {"normalize": True}}, "normalize is true, and a RoFormer takes samples as they"),
        ("mdx23c", {"inference": {"normalize": "x"}}, "inference.normalize: expected"),
        ("mel_band_roformer", {"inference": {"chunk_size": -1}}, "inference.chunk_size: expected a number greater"),
    ],
)
def test_other_parameters_than_those_of_our_network_are_a_user_error(
    name: str, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    sources = write_sources(tmp_path, load_example(name), **changes)
    with pytest.raises(UserError, match=message) as raised:
        convert("msst", sources, tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["mdx23c", "scnet"])
def test_normalised_input_becomes_the_standardised_level(name: str, tmp_path: Path) -> None:
    sources = write_sources(tmp_path, load_example(name), inference={"normalize": True})
    convert("msst", sources, tmp_path / "model")
    assert load_model(tmp_path / "model").network.model_dump()["level"] == "standardised"


def test_zero_dc_of_the_file_decides_about_0_hertz(tmp_path: Path) -> None:
    """The training code sets the bin of 0 Hz to zero unless the file says otherwise."""
    example = load_example("bs_roformer")
    constant, vocals = torch.full((1, 2, 3200), 0.1), []
    for place, changes in (("by default", {}), ("on", {"zero_dc": True}), ("off", {"zero_dc": False})):
        (tmp_path / place).mkdir()
        convert("msst", write_sources(tmp_path / place, example, model=changes), tmp_path / place / "model")
        vocals.append(_heads(load_model(tmp_path / place / "model").separator, constant, 1))
    assert torch.equal(vocals[0], vocals[1])
    assert (vocals[0] - vocals[2]).abs().max() > 1e-3


def test_option_replaces_zero_dc_of_the_file(tmp_path: Path) -> None:
    sources = write_sources(tmp_path, load_example("bs_roformer"), model={"zero_dc": True})
    convert("msst", sources, tmp_path / "model", {"zero_dc": "no"})
    assert load_model(tmp_path / "model").network.model_dump()["zero_dc"] is False
    with pytest.raises(UserError, match=r"^--zero-dc is perhaps: choose from yes, no$"):
        convert("msst", sources, tmp_path / "other", {"zero_dc": "perhaps"})
    sources = write_sources(tmp_path, load_example("scnet"))
    with pytest.raises(UserError, match=r"^--zero-dc is for RoFormers, and these weights are of SCNet: leave it out$"):
        convert("msst", sources, tmp_path / "other", {"zero_dc": "no"})


def test_weights_of_no_known_family_are_a_user_error(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "x.ckpt")
    config = str(load_example("bs_roformer").config)
    with pytest.raises(
        UserError, match=r"x\.ckpt holds weights of none of the families BS-RoFormer, Mel-Band RoFormer"
    ):
        convert("msst", (config, str(tmp_path / "x.ckpt")), tmp_path / "model")
    torch.save({"state_dict": {"epoch": 3}}, tmp_path / "x.ckpt")
    with pytest.raises(UserError, match=r"x\.ckpt holds no weights of a network"):
        convert("msst", (config, str(tmp_path / "x.ckpt")), tmp_path / "model")
    (tmp_path / "x.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"x\.safetensors is no safetensors file"):
        convert("msst", (config, str(tmp_path / "x.safetensors")), tmp_path / "model")
    with pytest.raises(UserError, match=r"nowhere is not a file: name a \.ckpt"):
        convert("msst", (config, "nowhere"), tmp_path / "model")


def test_convert_names_both_sources_when_one_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^msst takes CONFIG WEIGHTS and the folder for the model, not 2 arguments$"):
        convert("msst", ("config.yaml",), tmp_path / "model")


@pytest.mark.slow
def test_command_takes_both_files_and_the_folder(tmp_path: Path) -> None:
    config, weights = write_sources(tmp_path, load_example("mel_band_roformer"))
    done = run_python("-m", "pipelines.terminal.cli", "convert", "msst", config, weights, str(tmp_path / "model"))
    assert done.stderr == ""
    assert done.stdout == f"convert: {tmp_path / 'model'} separates vocals, accompaniment at 44100 Hz\n"
