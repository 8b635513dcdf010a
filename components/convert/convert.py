"""From published weights to a folder that every step takes."""

from collections.abc import Mapping
from pathlib import Path

import torch

from components.convert import demucs, hdemucs, htdemucs, onnx, open_unmix, spleeter
from components.convert.weight_files import Converted, Kind
from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.bundle import save_model
from components.core.networks.base.separator import Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.registry import build_separator
from components.core.tracking.provenance import git_commit

KINDS: Mapping[str, Kind] = {
    "open-unmix": open_unmix.KIND,
    "demucs": demucs.KIND,
    "hdemucs": hdemucs.KIND,
    "htdemucs": htdemucs.KIND,
    "spleeter": spleeter.KIND,
    "onnx": onnx.KIND,
}
"""Whose weights, to what reads them: a name that their package knows, a file, or a folder."""

NOTHING: Mapping[str, str] = {}

TOLERANCE = 1e-3
"""Of the peak of what the package's network gives; rounding is a hundred times smaller."""


def convert(kind: str, source: str, folder: Path, said: Mapping[str, str] = NOTHING) -> Converted:
    """Write the weights of `kind` at `source` as a model to `folder`; its origin names the files and their digests.

    `said` are options of that kind. Raises UserError, and writes nothing, when the weights are missing, hold more than
    weights, or do not fit our network of that kind.
    """
    if kind not in KINDS:
        raise UserError(f"there are no weights of the kind {kind} (there are {', '.join(KINDS)})")
    for name in said:
        if name not in KINDS[kind].options:
            raise UserError(f"{kind} has no option {name}: its weights say it themselves")
    converted = KINDS[kind].read(source, **said)
    separator = build_separator(converted.network, len(converted.targets), converted.channels).eval()
    try:
        separator.load_state_dict(dict(converted.state))
    except RuntimeError as error:
        raise UserError(f"{source} does not fit {kind}: {' '.join(str(error).split())[:300]}") from None
    _require_the_same(separator, converted, source)
    origin = {
        "run_id": "",
        "git_commit": git_commit(),
        "converted_from": kind,
        "files": {path.name: digest_file(path) for path in converted.files},
    }
    save_model(
        folder, separator, converted.network, converted.targets, converted.rate, converted.channels, origin
    )  # fmt: skip
    return converted


def _require_the_same(separator: Separator, converted: Converted, source: str) -> None:
    """Compare both networks on two seconds of noise: settings that change no weight's name may change what they do."""
    if converted.theirs is None or not isinstance(separator, WaveformSeparator):
        return
    noise = 0.1 * torch.randn(1, converted.channels, 2 * converted.rate, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        # without what is done around the networks, each in its own way: loudness taken away and given back
        wanted, found = converted.theirs(noise), separator.run_network(noise)
    difference = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12))
    if not difference < TOLERANCE:
        raise UserError(
            f"{source} computes something else than our network: it differs by {difference:.0e} of the peak"
        )
