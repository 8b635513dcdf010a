"""A user's own ONNX file: samples in, stems out, at one length."""

from pathlib import Path

import torch

from components.convert.source import Converted
from components.core.errors import UserError
from components.core.extras import imported
from components.core.networks.onnx_model import OnnxConfig

RATE = 44100


def convert(source: str) -> Converted:
    """Read a file that turns `(1, channels, samples)` into `(1, stems, channels, samples)`, both of fixed shape.

    The stems' names are the file's metadata `targets`, with commas between, and `rate` its sampling rate; else
    stem-1, stem-2 … and 44.1 kHz.
    """
    path = Path(source)
    if not path.is_file():
        raise UserError(f"{source} is not a file: name an ONNX file")
    package = imported("onnx", "onnx", "reading ONNX files", "runtimes")
    try:
        model = package.load(str(path))
    except Exception as error:
        raise UserError(f"{path} is no ONNX file: {str(error).splitlines()[0]}") from None
    taken, given = (_shape(end, path) for end in (model.graph.input[0], model.graph.output[0]))
    if len(taken) != 3 or len(given) != 4 or taken[1] != given[2] or taken[2] != given[3]:
        raise UserError(f"{path} turns {taken} into {given}: (1, channels, samples) to (1, stems, channels, samples)")
    metadata = {item.key: item.value for item in model.metadata_props}
    named = [name.strip() for name in metadata.get("targets", "").split(",") if name.strip()]
    targets = named if len(named) == given[1] else [f"stem-{number}" for number in range(1, given[1] + 1)]
    data = model.SerializeToString()
    state = {"network.data": torch.frombuffer(bytearray(data), dtype=torch.uint8)}
    network = OnnxConfig(size=len(data), segment=taken[2])
    return Converted(network, state, tuple(targets), int(metadata.get("rate", RATE)), taken[1], (path,))


def _shape(end: object, path: Path) -> tuple[int, ...]:
    dimensions = end.type.tensor_type.shape.dim  # type: ignore[attr-defined]
    if any(not dimension.HasField("dim_value") for dimension in dimensions):
        raise UserError(f"{path} has inputs or outputs of open length: export it with a fixed shape")
    return tuple(int(dimension.dim_value) for dimension in dimensions)
