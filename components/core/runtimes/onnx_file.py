"""A trained network as an ONNX file, and the same in whole numbers of 8 bits."""

import logging
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.core.errors import UserError
from components.core.extras import imported
from components.core.files import whole_file
from components.core.networks.separator import Separator
from components.core.runtimes.exportable import exportable

_EXTRA = "runtimes"


def export_onnx(separator: Separator, channels: int, path: Path) -> None:
    """Write the network of `separator` to `path` as ONNX, for one segment; checked by ONNX's own checker.

    Raises UserError where the network cannot be exported, or a package of the extra `runtimes` is missing.
    """
    onnx = imported("onnx", "onnx", "exporting", _EXTRA)
    imported("onnxscript", "onnxscript", "exporting", _EXTRA)
    network, example = exportable(separator, channels)
    try:
        with torch.inference_mode(False), torch.no_grad(), _quietly():
            program: Any = torch.onnx.export(network.eval(), (example,), dynamo=True, verbose=False)
    except Exception as error:
        # the exporter's errors are of many kinds, and pages long
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{type(network).__name__} cannot be exported to ONNX: {reason}") from None
    with whole_file(path) as partial:
        program.save(str(partial))
    onnx.checker.check_model(str(path))


def quantise(path: Path, inputs: Iterable[Tensor], out: Path) -> None:
    """Write the ONNX model in `path` with 8-bit weights and activations to `out`, its ranges those of `inputs`.

    Static quantisation, a range a channel for weights; additions, norms and the like stay as they are.
    """
    quantization = imported("onnxruntime.quantization", "onnxruntime", "quantising", _EXTRA)
    reader = _Inputs(quantization, _input_name(path), inputs)
    with tempfile.TemporaryDirectory() as folder, whole_file(out) as partial, _quietly():
        prepared = Path(folder) / "prepared.onnx"
        quantization.quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantization.quantize_static(
            str(prepared), str(partial), reader, quant_format=quantization.QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "ConvTranspose", "MatMul", "Gemm"],
        )  # fmt: skip


def _input_name(path: Path) -> str:
    model = imported("onnx", "onnx", "quantising", _EXTRA).load(str(path), load_external_data=False)
    return str(model.graph.input[0].name)


def _Inputs(quantization: Any, name: str, inputs: Iterable[Tensor]) -> Any:  # noqa: N802  (a class made on demand)
    class Inputs(quantization.CalibrationDataReader):  # type: ignore[misc]
        """What ranges are learned from, one input after the other."""

        def __init__(self) -> None:
            self._left = iter(inputs)

        def get_next(self) -> dict[str, Any] | None:
            given = next(self._left, None)
            return None if given is None else {name: given.numpy()}

    return Inputs()


class _quietly(warnings.catch_warnings):  # noqa: N801  (used as a function)
    """Leave out what the exporter says to its own authors."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
        self._level = logging.root.manager.disable
        logging.disable(logging.WARNING)

    def __exit__(self, *error: Any) -> None:
        logging.disable(self._level)
        super().__exit__(*error)
