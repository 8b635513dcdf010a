"""The conversion of published weights to a model folder that every step takes."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from components.convert import chain, demucs, ensemble, mdx_net, onnx, open_unmix, spleeter
from components.convert.msst import conversion as msst
from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.files import digest_file
from components.core.models.model_folder import Stored, save_model
from components.core.networks.base.separator import ResidualSeparator, Separator
from components.core.networks.base.waveform import WaveformSeparator
from components.core.networks.building import build_separator
from components.core.networks.ensemble import EnsembleSeparator
from components.core.tracking.provenance import git_commit

FORMATS: Mapping[str, WeightFormat] = {
    "open-unmix": open_unmix.FORMAT,
    "demucs": demucs.DEMUCS,
    "hdemucs": demucs.HDEMUCS,
    "htdemucs": demucs.HTDEMUCS,
    "spleeter": spleeter.FORMAT,
    "msst": msst.FORMAT,
    "mdx-net": mdx_net.FORMAT,
    "onnx": onnx.FORMAT,
    "ensemble": ensemble.FORMAT,
    "chain": chain.FORMAT,
}
"""The formats by the name of their kind."""

TOLERANCE = 1e-3
"""Largest difference to the package's network, relative to its peak; rounding is a hundred times smaller."""

_FEWEST_SAMPLES = 32768  # of the noise for this comparison: no network of ours pads so many


def convert(
    kind: str,
    sources: tuple[str, ...],
    folder: Path,
    options: Mapping[str, str] | None = None,
    stored: Stored = "fp32",
) -> ConvertedModel:
    """Write the weights of `kind` at `sources` as a model to `folder`; its origin names the files and their digests.

    A source is a published name, a file or a folder; most kinds take one. `stored` is the precision of the weights on
    disk. Raises UserError, and writes nothing, when the weights are missing, when their file holds code, or when they
    do not fit our network of that kind.
    """
    if kind not in FORMATS:
        raise UserError(f"there are no weights of the kind {kind}: choose from {', '.join(FORMATS)}")
    weight_format, options = FORMATS[kind], options or {}
    if len(sources) != len(weight_format.sources):
        wanted = " ".join(weight_format.sources)
        raise UserError(f"{kind} takes {wanted} and the folder for the model, not {len(sources) + 1} arguments")
    for name in options:
        if name not in weight_format.options:
            raise UserError(f"{kind} has no option {name}: leave it out, the weights determine it")
    converted = weight_format.read(*sources, **options)
    separator = build_separator(converted.network, len(converted.targets), converted.channels).eval()
    try:
        separator.load_state_dict(dict(converted.state))
    except RuntimeError as error:
        raise UserError(f"{sources[-1]} does not fit {kind}: {' '.join(str(error).split())[:300]}") from None
    _require_equal_output(separator, converted, kind, sources[-1])
    origin = {
        "run_id": "",
        "git_commit": git_commit(),
        "converted_from": kind,
        "files": {path.name: digest_file(path) for path in converted.files},
        "options": dict(options),
        "stored": stored,
        **converted.origin,
    }
    save_model(
        folder, separator, converted.network, converted.targets, converted.rate, converted.channels, origin, stored
    )  # fmt: skip
    return converted


def _require_equal_output(separator: Separator, converted: ConvertedModel, kind: str, source: str) -> None:
    """Compare both networks on noise: a wrong setting need not show in the names of the weights."""
    if converted.original is None:
        return
    samples = max(2 * converted.rate, _FEWEST_SAMPLES)
    noise = 0.1 * torch.randn(1, converted.channels, samples, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, actual = converted.original(noise), _run_networks(separator, noise)
    difference = float((actual - expected).abs().max() / expected.abs().max().clamp(min=1e-12))
    if not difference < TOLERANCE:
        raise UserError(
            f"{source} does not fit {kind}: its output differs by {difference:.0e} of the peak from our network's; "
            "name other weights"
        )


def _run_networks(separator: Separator, mixture: Tensor) -> Tensor:
    """Run the networks alone, because each package handles the loudness outside its network in its own way."""
    if isinstance(separator, EnsembleSeparator):
        return separator.combine([_run_networks(member, mixture) for member in separator.members])
    if isinstance(separator, ResidualSeparator):
        stem = _run_networks(separator.network, mixture)
        return torch.cat([stem, mixture.unsqueeze(1) - stem], dim=1)
    assert isinstance(separator, WaveformSeparator)
    return separator.run_network(mixture)
