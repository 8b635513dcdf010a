"""Make the examples of published networks that the tests compare with: random weights, a mixture, and its stems.

    pip install --no-deps msst==0.1.0 ml_collections einops beartype rotary-embedding-torch librosa
    python -m benchmarks.msst_examples tests/components/convert/msst/examples

Each folder there has the name of a kind of network and a config.yaml. The package `msst`, which holds the code that
trained the published weights, builds the network and separates the mixture. `example.safetensors` gets the weights, the
mixture and the stems.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

_SPREAD = 0.1  # of the noise that is added to all weights, since fresh norms are all ones


def make_example(folder: Path) -> None:
    """Write `folder`/example.safetensors for `folder`/config.yaml, and print its size."""
    torch.manual_seed(0)
    settings = import_module("msst.utils.settings")
    made: tuple[nn.Module, Any] = settings.get_model_from_config(folder.name, str(folder / "config.yaml"))
    network, config = made[0].eval(), made[1]
    for name, value in network.named_parameters():
        if not name.endswith("freqs"):
            value.data += _SPREAD * torch.randn_like(value)
    mixture = 0.1 + 0.1 * torch.randn(1, 2, config.audio.chunk_size)
    with torch.inference_mode():
        stems: Tensor = network(mixture)
    weights = {
        f"weights.{name}": value.clone(memory_format=torch.contiguous_format)
        for name, value in network.state_dict().items()
    }
    path = folder / "example.safetensors"
    save_file(weights | {"mixture": mixture, "stems": stems.contiguous()}, path)
    print(f"{path}: {path.stat().st_size} bytes, peak of the stems {stems.abs().max():.3g}")


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*/config.yaml")):
        make_example(path.parent)
