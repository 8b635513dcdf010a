"""A user's own ONNX file: it maps samples to stems, or a spectrum to masks, at one fixed length."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from components.convert.weight_files import ConvertedModel, WeightFormat
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional
from components.core.base.params import parse_section
from components.core.networks.architectures.onnx import OnnxConfig
from components.core.networks.base.spectrogram import MASK_SHARES
from components.core.networks.base.waveform import INPUT_LEVELS

OPTIONS = {
    "interface": "waveform (samples to stems), magnitude-mask or complex-mask (an STFT to masks)",
    "targets": "the stems' names, separated by commas",
    "rate": "sampling rate in Hz (44100)",
    "window": "masks: samples per frame of the STFT (4096)",
    "hop": "masks: samples from one frame to the next (a quarter of the window)",
    "shares": f"magnitude-mask: how masks become shares of the mixture: {' or '.join(MASK_SHARES)} (of-masks)",
    "level": f"waveform: the level of the mixture that the network expects: {', '.join(INPUT_LEVELS)} (as-is)",
}
"""The options. Each overrides the metadata of the file with the same name."""

RATE, WINDOW = 44100, 4096
Shape = tuple[int, ...]
_FLOAT = 1  # onnx.TensorProto.FLOAT


def read(source: str, **options: str) -> ConvertedModel:
    """Read a file with one input and one output, both of fixed shape, with batch size 1.

    waveform         `(1, channels, samples)` to `(1, stems, channels, samples)`; the output may have fewer samples,
                     the same number less at both ends
    magnitude-mask   `(1, channels, bins, frames)` to `(1, stems, channels, bins, frames)`
    complex-mask     as magnitude-mask, with real and imaginary parts in one more axis, the last

    Without `interface` the number of axes decides. Stems without names are called stem-1, stem-2 …
    """
    path = Path(source)
    model = load_onnx(path)
    input_shape, output_shape = (read_shape(end, path) for end in find_input_and_output(model, path))
    settings = {item.key: item.value for item in model.metadata_props} | options
    kind = settings.get("interface", _BY_AXES.get(len(input_shape), "waveform"))
    if kind not in _INTERFACES:
        raise UserError(f"{path} has the interface {kind}: choose from {', '.join(_INTERFACES)}")
    axes, interface, may_shorten = _INTERFACES[kind]
    wanted = (1, *output_shape[1:2], *input_shape[1:])
    fits = output_shape == wanted or (
        may_shorten and output_shape[:-1] == wanted[:-1] and output_shape[-1] < wanted[-1]
    )
    if len(input_shape) != len(axes) or input_shape[0] != 1 or not fits:
        raise UserError(
            f"{path} turns {input_shape} into {output_shape}: "
            f"export it from (1, {', '.join(axes[1:])}) to (1, stems, …)"
        )
    data = model.SerializeToString()
    values = {
        "name": "onnx",
        "size": len(data),
        "interface": {"kind": kind, **interface(input_shape, output_shape, settings, path)},
    }
    return ConvertedModel(
        parse_section("network", values, OnnxConfig, source),
        {"network.data": torch.frombuffer(bytearray(data), dtype=torch.uint8)},
        _targets(settings, output_shape[1], path), read_number(settings, "rate", RATE, path), input_shape[1], (path,),
    )  # fmt: skip


def load_onnx(path: Path) -> Any:
    """Return the checked model of a file; raises UserError when it is none."""
    if not path.is_file():
        raise UserError(f"{path} is not a file: name an ONNX file")
    package = import_optional("onnx", "onnx", "reading ONNX files", "runtimes")
    try:
        model = package.load(str(path))  # with weights in files beside it
        package.checker.check_model(model)
    except Exception as error:
        raise UserError(f"{path} is not an ONNX file: {str(error).strip().splitlines()[0]}") from None
    return model


def find_input_and_output(model: Any, path: Path) -> tuple[Any, Any]:
    """Return the input and the output, without the weights, which old files list among the inputs.

    Raises UserError when there are more, and when they are not float32.
    """
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in weights]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise UserError(
            f"{path} has {len(inputs)} inputs and {len(model.graph.output)} outputs: export it with one of each"
        )
    ends = inputs[0], model.graph.output[0]
    if any(end.type.tensor_type.elem_type != _FLOAT for end in ends):
        raise UserError(f"{path} has inputs or outputs that are not float32: export it in float32")
    return ends


def read_shape(end: Any, path: Path, any_batch: bool = False) -> Shape:
    """Return the shape of an input or output; raises UserError for one that is not fixed.

    With `any_batch` the file may leave the size of the batch open, which counts as 1.
    """
    dimensions = list(end.type.tensor_type.shape.dim)
    sizes = [dimension.dim_value if dimension.HasField("dim_value") else None for dimension in dimensions]
    if any_batch and sizes and (sizes[0] or 0) < 1:
        sizes[0] = 1
    if None in sizes:
        raise UserError(f"{path} has inputs or outputs without a fixed length: export it with a fixed shape")
    return tuple(int(size) for size in sizes if size is not None)


def _waveform(input_shape: Shape, output_shape: Shape, settings: Mapping[str, str], path: Path) -> dict[str, Any]:
    level = settings.get("level", "as-is")
    return {"segment": output_shape[-1], "context": input_shape[-1] - output_shape[-1], "level": level}


def _mask(input_shape: Shape, output_shape: Shape, settings: Mapping[str, str], path: Path) -> dict[str, Any]:
    return {**_complex_mask(input_shape, output_shape, settings, path), "shares": settings.get("shares", "of-masks")}


def _complex_mask(input_shape: Shape, output_shape: Shape, settings: Mapping[str, str], path: Path) -> dict[str, Any]:
    window = read_number(settings, "window", WINDOW, path)
    hop = read_number(settings, "hop", window // 4, path)
    return {"stft": {"window": window, "hop": hop}, "bins": input_shape[2], "frames": input_shape[3]}


_INTERFACES = {
    "waveform": (("1", "channels", "samples"), _waveform, True),
    "magnitude-mask": (("1", "channels", "bins", "frames"), _mask, False),
    "complex-mask": (("1", "channels", "bins", "frames", "2"), _complex_mask, False),
}
"""By interface: the axes of its input, its parameters, and whether the output may be shorter in the last axis."""
_BY_AXES = {len(axes): kind for kind, (axes, _, _) in _INTERFACES.items()}


def _targets(settings: Mapping[str, str], stems: int, path: Path) -> tuple[str, ...]:
    named = tuple(name.strip() for name in settings.get("targets", "").split(",") if name.strip())
    if named and len(named) != stems:
        raise UserError(f"{path} gives {stems} stems, and {len(named)} are named: name as many with --targets")
    return named or tuple(f"stem-{number}" for number in range(1, stems + 1))


def read_number(settings: Mapping[str, str], name: str, default: int, path: Path) -> int:
    """Return the setting `name`; raises UserError when it is no whole number of 1 or more."""
    value = settings.get(name, str(default))
    if not value.isdigit() or int(value) == 0:
        raise UserError(f"{path}: {name} is {value}, and must be a whole number of 1 or more")
    return int(value)


FORMAT = WeightFormat(read, OPTIONS)
