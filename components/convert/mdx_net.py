"""The kind `mdx-net`: an MDX-Net file for Ultimate Vocal Remover (UVR), an ONNX network on spectra, and its settings.

The file gives the bins and frames. The window, the stem and the gain come from options, or from UVR's list
`model_data.json`, whose keys are MD5 digests of the end of each file.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from pydantic import PositiveFloat, PositiveInt

from components.convert.onnx import RATE, find_input_and_output, load_onnx, read_number, read_shape
from components.convert.open_section import OpenSection
from components.convert.stem_names import name_stem
from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.data.residual_targets import excluded_stem
from components.core.networks.architectures.onnx import OnnxConfig

OPTIONS = {
    "window": "samples per frame of the STFT (n_fft)",
    "hop": "samples from one frame to the next (1024)",
    "targets": "the name of its stem",
    "compensate": "the gain of its stem (1.0)",
    "rate": "sampling rate in Hz (44100)",
    "model_data": "UVR's model_data.json, which has window, stem and gain by the MD5 of the file",
}
"""The options. Each replaces the value of the list."""

_HOP = 1024
_HASHED_BYTES = 10_240_000  # at the end of the file
_PARTS = 2  # real and imaginary


class _Entry(OpenSection):
    """An entry of the list; `mdx_dim_t_set` is the binary logarithm of the number of frames."""

    mdx_n_fft_scale_set: PositiveInt
    mdx_dim_f_set: PositiveInt
    mdx_dim_t_set: PositiveInt
    compensate: PositiveFloat = 1.0
    primary_stem: str


def read(source: str, **options: str) -> ConvertedModel:
    """Read a file from `(batch, 2 * channels, bins, frames)` to the same shape: the spectrum of its only stem.

    Raises UserError when the window or the stem is neither in the list nor an option, and when the list does not fit
    the file.
    """
    path = Path(source)
    model = load_onnx(path)
    ends = find_input_and_output(model, path)
    shape, output_shape = (read_shape(end, path, any_batch=True) for end in ends)
    if len(shape) != 4 or shape[0] != 1 or shape[1] % _PARTS or output_shape != shape:
        raise UserError(
            f"{path} turns {shape} into {output_shape}: MDX-Net has (1, 2 * channels, bins, frames) for both, or an "
            "open batch; "
            "`stemline convert onnx` takes other files"
        )
    _, numbers, bins, frames = shape
    settings = _read_list(options, path, bins, frames) | options
    stem = _read_stem(settings, path)
    data = model.SerializeToString()
    values = {
        "name": "onnx",
        "size": len(data),
        "interface": {
            "kind": "spectrum",
            "stft": {"window": _read_window(settings, path), "hop": read_number(settings, "hop", _HOP, path)},
            "bins": bins,
            "frames": frames,
            "gain": _read_gain(settings, path),
            "above": "stem" if excluded_stem(stem) else "remainder",
        },
    }
    return ConvertedModel(
        parse_section("network", values, OnnxConfig, source),
        {"network.file.data": torch.frombuffer(bytearray(data), dtype=torch.uint8)},
        (stem,), read_number(settings, "rate", RATE, path), numbers // _PARTS, (path,),
    )  # fmt: skip


def _read_list(options: Mapping[str, str], path: Path, bins: int, frames: int) -> dict[str, str]:
    """Return the settings of the file in the list that the options name; none without a list."""
    if "model_data" not in options:
        return {}
    place, digest = Path(options["model_data"]), _digest_end(path)
    try:
        entries = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--model-data {place} cannot be read: {error}: name UVR's model_data.json") from None
    if not isinstance(entries, dict) or digest not in entries:
        raise UserError(f"{place} has no entry {digest}, the MD5 of {path}: give --window and --targets")
    entry = parse_section(digest, entries[digest], _Entry, str(place))
    if (entry.mdx_dim_f_set, 2**entry.mdx_dim_t_set) != (bins, frames):
        raise UserError(
            f"{place}: {digest} has {entry.mdx_dim_f_set} bins and {2**entry.mdx_dim_t_set} frames, and {path} has "
            f"{bins} and {frames}: give --window and --targets"
        )
    return {
        "window": str(entry.mdx_n_fft_scale_set),
        "targets": entry.primary_stem,
        "compensate": str(entry.compensate),
    }


def _digest_end(path: Path) -> str:
    """Return the MD5 of the last bytes of a file, by which UVR knows it."""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _HASHED_BYTES, 0))
        return hashlib.md5(file.read(), usedforsecurity=False).hexdigest()


def _read_window(settings: Mapping[str, str], path: Path) -> int:
    if "window" not in settings:
        raise UserError(f"{path} does not tell its window: give --window or --model-data")
    return read_number(settings, "window", 0, path)


def _read_gain(settings: Mapping[str, str], path: Path) -> float:
    text = settings.get("compensate", "1.0")
    try:
        gain = float(text)
    except ValueError:
        gain = 0.0
    if not (math.isfinite(gain) and gain > 0):
        raise UserError(f"{path}: compensate is {text}, and must be a positive number")
    return gain


def _read_stem(settings: Mapping[str, str], path: Path) -> str:
    stem = name_stem(settings.get("targets", ""))
    if not stem or "," in settings.get("targets", ""):
        raise UserError(f"{path} separates one stem: give its name with --targets or --model-data")
    return stem


FORMAT = WeightFormat(read, OPTIONS)
