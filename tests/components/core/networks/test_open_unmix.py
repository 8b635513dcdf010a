"""Open-Unmix returns the output of its authors' package for the same weights."""

import pytest
import torch

from components.core.networks.architectures.open_unmix import OpenUnmixConfig
from components.core.networks.open_unmix import OpenUnmix
from components.core.sound.stft_config import StftConfig
from components.core.sound.torchaudio_compat import torchaudio

TINY = OpenUnmixConfig(hidden=32, max_bin=200, stft=StftConfig(window=512, hop=128))


@pytest.mark.parametrize(
    ("config", "channels"), [(TINY, 1), (TINY, 2), (OpenUnmixConfig(), 2)], ids=["mono", "stereo", "published size"]
)
def test_network_returns_the_magnitudes_of_the_package(config: OpenUnmixConfig, channels: int) -> None:
    assert torchaudio is not None  # import it before openunmix, which does not check whether its extension loads
    model = pytest.importorskip("openunmix.model")
    torch.manual_seed(0)
    bins = config.stft.window // 2 + 1
    theirs = model.OpenUnmix(
        nb_bins=bins, nb_channels=channels, hidden_size=config.hidden, max_bin=config.max_bin
    ).eval()
    ours = OpenUnmix(config, channels).eval()
    for norm in (theirs.bn1, theirs.bn2, theirs.bn3):
        torch.nn.init.normal_(norm.running_mean, std=0.2)
        torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
    torch.nn.init.normal_(theirs.input_mean)
    torch.nn.init.uniform_(theirs.input_scale)
    ours.load_state_dict(theirs.state_dict())
    magnitude = torch.rand(3, channels, bins, 40)
    with torch.inference_mode():
        wanted = theirs(magnitude.clone())
        found = ours(magnitude) * magnitude
    assert wanted.std() > 0.1
    assert (found - wanted).abs().max() < 1e-5
