"""The export of a model's network to an ONNX file."""

import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from components.core.base.errors import UserError
from components.core.base.files import whole_file
from components.core.base.optional_packages import import_optional
from components.core.data.artifacts import MODEL
from components.core.models.bundle import Model, load_model
from components.core.tracking import mlflow_runs
from components.export.onnx.exportable import exportable, interface, network_inputs

EXTRA = "runtimes"
FILE = "network.onnx"
TOLERANCE = 1e-3
"""Of the largest number that torch gives: an export that differs by more computes something else."""

_NOTHING = 1e-6  # below this peak, differences are rounding


def export_onnx(model: Model, folder: Path) -> Path:
    """Write the model's network, for one segment, to `folder`/network.onnx, and return that path.

    The file holds everything: weights, and as metadata what must be known to use it (`interface`, `targets`, `rate`,
    `channels`, `segment`; of waveforms `level`; of spectrograms `window`, `hop`, `bins`, of masks on
    magnitudes `shares`; `model`, the digest of the weights). It was run by ONNX Runtime, on silence as well, and gave
    what torch gives. Raises UserError where the network cannot be exported, or does not give that, or a package of the
    extra `runtimes` is missing.
    """
    onnx = import_optional("onnx", "onnx", "exporting", EXTRA)
    import_optional("onnxscript", "onnxscript", "exporting", EXTRA)
    network, examples = exportable(model.separator).eval(), _examples(model)
    exported = _exported(network, examples[0])
    onnx.helper.set_model_props(exported, {name: str(value) for name, value in _metadata(model).items()})
    path = folder / FILE
    with whole_file(path) as partial:
        onnx.save(exported, str(partial))
        _require_the_same(partial, network, examples)
    return path


def exported_once(model: Model, folder: Path) -> Path:
    """Return the file that `export_onnx` makes of this model below `folder`; it is made only where there is none."""
    place = folder / model.digest[:16]
    return place / FILE if (place / FILE).is_file() else export_onnx(model, place)


def session(source: Path | bytes, threads: int) -> Any:
    """Return ONNX Runtime's session of a file or its bytes, on the processor; raises UserError when it does not open.

    On one thread its sums are always in the same order.
    """
    package = import_optional("onnxruntime", "onnxruntime", "running an ONNX file", EXTRA)
    options = package.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    given = str(source) if isinstance(source, Path) else source
    try:
        return package.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # the package has a class of its own for every kind of trouble
        raise UserError(f"the ONNX file does not open: {str(error).splitlines()[0]}") from None


def _examples(model: Model) -> list[Tensor]:
    """Return what the network sees of a segment of noise, loud and hardly there, and of silence."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, model.channels, model.separator.segment, generator=generator)
    return network_inputs(model.separator, [level * noise for level in (0.1, 1e-6, 0.0)])


def _metadata(model: Model) -> Mapping[str, object]:
    return {
        "targets": ",".join(model.targets), "rate": model.rate, "channels": model.channels,
        "segment": model.separator.segment, "model": model.digest, **interface(model.separator),
    }  # fmt: skip


def _exported(network: nn.Module, example: Tensor) -> Any:
    try:
        with torch.inference_mode(False), torch.no_grad(), quietly():
            # not optimised: onnxscript 0.7 takes adding 1e-8 for adding nothing, and silence is divided by zero then
            program: Any = torch.onnx.export(network, (example,), dynamo=True, optimize=False, verbose=False)
            return program.model_proto
    except Exception as error:
        # the exporter's errors are of many kinds, and pages long
        reason = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{type(network).__name__} cannot be exported to ONNX: {reason[0]}") from None


def _require_the_same(path: Path, network: nn.Module, examples: Sequence[Tensor]) -> None:
    running = session(path, 1)
    for example in examples:
        found = running.run(None, {running.get_inputs()[0].name: example.numpy()})[0]
        with torch.inference_mode():
            wanted = network(example).numpy()
        difference = float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), _NOTHING))
        if not difference < TOLERANCE:  # nor NaN
            name = type(network).__name__
            raise UserError(f"{name} exported to ONNX differs from torch by {difference:.1e} of the peak")


@contextmanager
def quietly() -> Iterator[None]:
    """Leave out what exporters say to their own authors: warnings, logs, progress bars, pages of code."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


ARTIFACT_FOLDER = "onnx"
"""The folder among the artifacts of the MLflow run in which the file lies."""


def export_network(train: Path, out: Path) -> Path:
    """Write the network of the model in `train` as `out`/network.onnx, and log it to the training's MLflow run.

    Raises UserError when the network cannot be exported, or the file gives other numbers than torch.
    """
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(train)
    mlflow_runs.require_run(run)
    path = export_onnx(load_model(MODEL.within(train)), out)
    client.log_artifact(run.run_id, str(path), ARTIFACT_FOLDER)
    print(f"export: the network to {path}, and to MLflow run {run.run_id}")
    return path
