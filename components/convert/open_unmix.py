"""Open-Unmix's weights: a file a target, as the package `openunmix` downloads them (umxhq, umx, umxl, umxse)."""

from pathlib import Path

from components.convert.source import Converted, find, load_tensors
from components.core.errors import UserError
from components.core.networks.open_unmix import OpenUnmixConfig
from components.core.stft import StftConfig

FILES = {
    "umxhq": {"vocals": "vocals-b62c91ce.pth", "drums": "drums-9619578f.pth", "bass": "bass-8d85a5bd.pth",
              "other": "other-b52fbbf7.pth"},
    "umx": {"vocals": "vocals-c8df74a5.pth", "drums": "drums-5a48008b.pth", "bass": "bass-646024d3.pth",
            "other": "other-f8e132cc.pth"},
    "umxl": {"vocals": "vocals-bccbd9aa.pth", "drums": "drums-69e0ebd4.pth", "bass": "bass-2ca1ce51.pth",
             "other": "other-c8c5b3e6.pth"},
}  # fmt: skip
"""Names of the files in torch hub's cache, by model and target."""

RATE = 44100


def convert(source: str) -> Converted:
    """Read `umxhq`, `umx`, `umxl`, or a folder of `<target>….pth` files; sizes follow from the weights."""
    if source in FILES:
        names = FILES[source]
        paths = dict(zip(names, find(source, list(names.values()), f"Open-Unmix {source}"), strict=True))
    else:
        paths = {path.stem.split("-")[0]: path for path in sorted(Path(source).glob("*.pth"))}
    if not paths:
        raise UserError(f"{source} is neither {', '.join(FILES)} nor a folder of Open-Unmix's .pth files")
    states = {target: load_tensors(path) for target, path in paths.items()}
    first = next(iter(states.values()))
    bins, max_bin = len(first["output_mean"]), len(first["input_mean"])
    network = OpenUnmixConfig(
        hidden=len(first["bn1.weight"]),
        layers=sum(name.startswith("lstm.weight_hh_l") and "reverse" not in name for name in first),
        max_bin=max_bin,
        stft=StftConfig(window=2 * (bins - 1), hop=(bins - 1) // 2),
    )
    state = {
        f"network.stems.{number}.{name}": value
        for number, weights in enumerate(states.values())
        for name, value in weights.items()
        if not name.startswith("stft.") and name not in ("sample_rate", "transform.0.window")
    }
    channels = first["fc1.weight"].shape[1] // max_bin
    return Converted(network, state, tuple(states), RATE, channels, tuple(paths.values()))
