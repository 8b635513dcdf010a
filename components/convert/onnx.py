"""A user's own ONNX file: samples in and stems out, or magnitudes in and masks out, at one length."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from components.convert.weight_files import Converted, Kind
from components.core.base.errors import UserError
from components.core.base.optional_packages import import_optional
from components.core.base.params import parse_section
from components.core.networks.base.input_levels import INPUT_LEVELS
from components.core.networks.base.mask_shares import MASK_SHARES
from components.core.networks.onnx import OnnxConfig

OPTIONS = {
    "interface": "waveform (samples to stems), magnitude-mask or complex-mask (an STFT to masks)",
    "targets": "the stems' names, commas between",
    "rate": "sampling rate in Hz (44100)",
    "window": "of masks: samples per frame of the STFT (4096)",
    "hop": "of masks: samples from one frame to the next (a quarter of the window)",
    "shares": f"magnitude-mask: how masks become shares of the mixture: {' or '.join(MASK_SHARES)} (of-masks)",
    "level": f"waveform: how loud the network wants the mixture: {', '.join(INPUT_LEVELS)} (as-is)",
}
"""Each overrides what the file's metadata says under the same name."""

RATE, WINDOW = 44100, 4096
Shape = tuple[int, ...]
_FLOAT = 1  # onnx.TensorProto.FLOAT


def read(source: str, **said: str) -> Converted:
    """Read a file with one input and one output, both of fixed shape, the batch 1.

    `waveform`: `(1, channels, samples)` to `(1, stems, channels, samples)`, or to fewer samples, with as many cut off
    on either side; `magnitude-mask`: `(1, channels, bins, frames)` to `(1, stems, channels, bins, frames)`;
    `complex-mask`: the same with real and imaginary parts in one more axis, the last. Without `interface` the number of
    axes decides. Stems that nobody names are stem-1, stem-2 …
    """
    path = Path(source)
    model = _loaded(path)
    taken, given = (_shape(end, path) for end in _ends(model, path))
    known = {item.key: item.value for item in model.metadata_props} | said
    kind = known.get("interface", _BY_AXES.get(len(taken), "waveform"))
    if kind not in _INTERFACES:
        raise UserError(f"{path} has the interface {kind}: there are {', '.join(_INTERFACES)}")
    axes, interface, lost = _INTERFACES[kind]
    wanted = (1, *given[1:2], *taken[1:])
    fits = given == wanted or (lost and given[:-1] == wanted[:-1] and given[-1] < wanted[-1])
    if len(taken) != len(axes) or taken[0] != 1 or not fits:
        raise UserError(f"{path} turns {taken} into {given}: (1, {', '.join(axes[1:])}) to (1, stems, …) is taken")
    data = model.SerializeToString()
    values = {"name": "onnx", "size": len(data), "interface": {"kind": kind, **interface(taken, given, known, path)}}
    return Converted(
        parse_section("network", values, OnnxConfig, source),
        {"network.data": torch.frombuffer(bytearray(data), dtype=torch.uint8)},
        _targets(known, given[1], path), _number(known, "rate", RATE, path), taken[1], (path,),
    )  # fmt: skip


def _loaded(path: Path) -> Any:
    if not path.is_file():
        raise UserError(f"{path} is not a file: name an ONNX file")
    package = import_optional("onnx", "onnx", "reading ONNX files", "runtimes")
    try:
        model = package.load(str(path))  # with what it keeps in files beside it
        package.checker.check_model(model)
    except Exception as error:
        raise UserError(f"{path} is no ONNX file: {str(error).strip().splitlines()[0]}") from None
    return model


def _ends(model: Any, path: Path) -> tuple[Any, Any]:
    """Return the input and the output; old files list their weights among the inputs."""
    weights = {weight.name for weight in model.graph.initializer}
    inputs = [given for given in model.graph.input if given.name not in weights]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        raise UserError(f"{path} has {len(inputs)} inputs and {len(model.graph.output)} outputs: one of each is taken")
    ends = inputs[0], model.graph.output[0]
    if any(end.type.tensor_type.elem_type != _FLOAT for end in ends):
        raise UserError(f"{path} takes or gives other numbers than float32: export it in float32")
    return ends


def _shape(end: Any, path: Path) -> Shape:
    dimensions = end.type.tensor_type.shape.dim
    if any(not dimension.HasField("dim_value") for dimension in dimensions):
        raise UserError(f"{path} has inputs or outputs of open length: export it with a fixed shape")
    return tuple(int(dimension.dim_value) for dimension in dimensions)


def _waveform(taken: Shape, given: Shape, known: Mapping[str, str], path: Path) -> dict[str, Any]:
    level = known.get("level", "as-is")
    return {"segment": given[-1], "context": taken[-1] - given[-1], "level": level}


def _mask(taken: Shape, given: Shape, known: Mapping[str, str], path: Path) -> dict[str, Any]:
    return {**_complex_mask(taken, given, known, path), "shares": known.get("shares", "of-masks")}


def _complex_mask(taken: Shape, given: Shape, known: Mapping[str, str], path: Path) -> dict[str, Any]:
    window = _number(known, "window", WINDOW, path)
    hop = _number(known, "hop", window // 4, path)
    return {"stft": {"window": window, "hop": hop}, "bins": taken[2], "frames": taken[3]}


_INTERFACES = {
    "waveform": (("1", "channels", "samples"), _waveform, True),
    "magnitude-mask": (("1", "channels", "bins", "frames"), _mask, False),
    "complex-mask": (("1", "channels", "bins", "frames", "2"), _complex_mask, False),
}
"""Kind to the axes of its input, to its parameters, and to whether it may give less of the last axis than it takes."""
_BY_AXES = {len(axes): kind for kind, (axes, _, _) in _INTERFACES.items()}


def _targets(known: Mapping[str, str], stems: int, path: Path) -> tuple[str, ...]:
    named = tuple(name.strip() for name in known.get("targets", "").split(",") if name.strip())
    if named and len(named) != stems:
        raise UserError(f"{path} gives {stems} stems, and {len(named)} are named: name as many with --targets")
    return named or tuple(f"stem-{number}" for number in range(1, stems + 1))


def _number(known: Mapping[str, str], name: str, default: int, path: Path) -> int:
    value = known.get(name, str(default))
    if not value.isdigit() or int(value) == 0:
        raise UserError(f"{path}: {name} is {value}, and must be a whole number of 1 or more")
    return int(value)


KIND = Kind(read, OPTIONS)
