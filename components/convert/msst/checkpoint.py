"""The file of weights of a training: a plain state dict, or one inside the state of the training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from components.convert.weight_files import load_tensors
from components.core.base.errors import UserError

_WRAPPERS = ("state", "state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "model.")  # of networks inside another one


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in float32 under the names of the network, without running code from the file.

    Raises UserError when the file holds anything else.
    """
    if not path.is_file():
        raise UserError(f"{path} is not a file: name a .ckpt, .pth, .th or .safetensors file")
    loaded = _load_safetensors(path) if path.suffix == ".safetensors" else _unwrap(load_tensors(path))
    if not isinstance(loaded, dict) or not loaded or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise UserError(f"{path} holds no weights of a network: name the checkpoint of the training")
    state = {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    return state


def _load_safetensors(path: Path) -> Mapping[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is no safetensors file: {' '.join(str(error).split())}") from None


def _unwrap(loaded: Any) -> Any:
    """Return the state dict inside the state of a training, or `loaded` itself."""
    for name in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(name), dict):
            return _unwrap(loaded[name])
    return loaded
