"""Weights of Open-Unmix: one file per target, as the package `openunmix` downloads them (umxhq, umx, umxl, umxse)."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from components.convert.published.open_unmix import PUBLISHED, Published, find_published
from components.convert.weight_files import ConvertedModel, WeightFormat, load_tensors
from components.core.base.errors import UserError
from components.core.networks.architectures.open_unmix import OpenUnmixConfig
from components.core.sound.stft_config import StftConfig


def read(source: str) -> ConvertedModel:
    """Read umxhq, umx, umxl or umxse from torch hub's cache, a folder of `<target>….pth`, or one such file.

    The weights determine the sizes; a folder or file gets the rate and the hop of umxhq.
    """
    model = PUBLISHED.get(source, Published({}))
    paths = _find_paths(source, model)
    states = {target: _load_weights(path) for target, path in paths.items()}
    first = next(iter(states.values()))
    network = _infer_config(first, model.overlap)
    channels = first["fc1.weight"].shape[1] // network.max_bin
    state = {
        f"network.stems.{number}.{name}": value
        for number, weights in enumerate(states.values())
        for name, value in weights.items()
    }
    return ConvertedModel(network, state, tuple(states), model.rate, channels, tuple(paths.values()))


def _find_paths(source: str, model: Published) -> dict[str, Path]:
    if model.files:
        return dict(zip(model.files, find_published(source), strict=True))
    place = Path(source)
    files = [place] if place.is_file() else sorted(place.glob("*.pth"))
    if not files:
        raise UserError(
            f"{source} is neither {', '.join(PUBLISHED)} nor a folder of Open-Unmix's .pth files: name one of these"
        )
    return {path.stem.replace("_", "-").split("-")[0]: path for path in files}


def _load_weights(path: Path) -> dict[str, Tensor]:
    """Return the network's weights, without the STFT and the sampling rate that early files also hold."""
    state = load_tensors(path)
    if "fc1.weight" not in state or "input_mean" not in state:
        raise UserError(f"{path} holds no weights of Open-Unmix: name one of its .pth files")
    return {name: value for name, value in state.items() if not name.startswith(("stft.", "transform.", "sample_rate"))}


def _infer_config(state: Mapping[str, Tensor], overlap: int) -> OpenUnmixConfig:
    window = 2 * (len(state["output_mean"]) - 1)
    return OpenUnmixConfig(
        hidden=len(state["bn1.weight"]),
        layers=sum(name.startswith("lstm.weight_hh_l") and "reverse" not in name for name in state),
        max_bin=len(state["input_mean"]),
        stft=StftConfig(window=window, hop=window // overlap),
    )


FORMAT = WeightFormat(read)
