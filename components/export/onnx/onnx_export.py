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
from components.core.models.model_folder import Model, load_model
from components.core.tracking import mlflow_runs
from components.export.onnx.exportable import describe_interface, make_exportable, record_network_inputs

EXTRA = "runtimes"
FILE = "network.onnx"
TOLERANCE = 1e-3
"""Largest difference between an export and torch, relative to the peak of torch's output."""

_NOTHING = 1e-6  # below this peak, differences are rounding


def export_onnx(model: Model, folder: Path) -> Path:
    """Write the model's network, for one segment, to `folder`/network.onnx, and return that path.

    The file holds the weights, and as metadata the facts that a program needs to run it: `interface`, `targets`,
    `rate`, `channels`, `segment`, `model` (the digest of the weights); for waveforms `level`; for spectrograms
    `window`, `hop` and `bins`; for masks on magnitudes `shares`. ONNX Runtime runs the file on noise and on silence,
    and must return the output of torch. Raises UserError when the network cannot be exported, the outputs differ, or a
    package of the extra `runtimes` is missing.
    """
    onnx = import_optional("onnx", "onnx", "exporting", EXTRA)
    import_optional("onnxscript", "onnxscript", "exporting", EXTRA)
    network, examples = make_exportable(model.separator).eval(), _make_examples(model)
    exported = _export_network(network, examples[0])
    onnx.helper.set_model_props(exported, {name: str(value) for name, value in _make_metadata(model).items()})
    path = folder / FILE
    with whole_file(path) as partial:
        onnx.save(exported, str(partial))
        _require_equal_output(partial, network, examples)
    return path


def export_once(model: Model, folder: Path) -> Path:
    """Return the ONNX file of this model below `folder`; export the model only when the file does not exist."""
    subfolder = folder / model.digest[:16]
    return subfolder / FILE if (subfolder / FILE).is_file() else export_onnx(model, subfolder)


def open_session(source: Path | bytes, threads: int) -> Any:
    """Open a file or its bytes in ONNX Runtime, on the processor; raises UserError when that fails.

    One thread computes sums always in the same order.
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
        # the package has many classes of errors without a common base
        raise UserError(f"ONNX Runtime cannot open the exported file: {str(error).splitlines()[0]}") from None


def _make_examples(model: Model) -> list[Tensor]:
    """Return the inputs of the network for a segment of loud noise, of very quiet noise, and of silence."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, model.channels, model.separator.segment, generator=generator)
    return record_network_inputs(model.separator, [level * noise for level in (0.1, 1e-6, 0.0)])


def _make_metadata(model: Model) -> Mapping[str, object]:
    return {
        "targets": ",".join(model.targets), "rate": model.rate, "channels": model.channels,
        "segment": model.separator.segment, "model": model.digest, **describe_interface(model.separator),
    }  # fmt: skip


def _export_network(network: nn.Module, example: Tensor) -> Any:
    try:
        with torch.inference_mode(False), torch.no_grad(), silence_exporter():
            # not optimised: onnxscript 0.7 removes the addition of 1e-8, so silence would be divided by zero
            program: Any = torch.onnx.export(network, (example,), dynamo=True, optimize=False, verbose=False)
            return program.model_proto
    except Exception as error:
        # the exporter raises many kinds of errors, with texts of several pages
        reason = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        raise UserError(f"{type(network).__name__} cannot be exported to ONNX: {reason[0]}") from None


def _require_equal_output(path: Path, network: nn.Module, examples: Sequence[Tensor]) -> None:
    running = open_session(path, 1)
    for example in examples:
        found = running.run(None, {running.get_inputs()[0].name: example.numpy()})[0]
        with torch.inference_mode():
            wanted = network(example).numpy()
        difference = float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), _NOTHING))
        if not difference < TOLERANCE:  # NaN counts as different
            name = type(network).__name__
            raise UserError(f"{name} exported to ONNX differs from torch by {difference:.1e} of the peak")


@contextmanager
def silence_exporter() -> Iterator[None]:
    """Hide the warnings, logs, progress bars and code listings that an exporter prints."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


ARTIFACT_FOLDER = "onnx"
"""The folder of the file among the artifacts of the MLflow run."""


def export_network(train: Path, out: Path) -> Path:
    """Write the network of the model in `train` as `out`/network.onnx, and log it to the training's MLflow run.

    Raises UserError when the network cannot be exported, or the output of the file differs from torch.
    """
    client, run = mlflow_runs.connect(), mlflow_runs.RunRef.read(train)
    mlflow_runs.require_run(run)
    path = export_onnx(load_model(MODEL.within(train)), out)
    client.log_artifact(run.run_id, str(path), ARTIFACT_FOLDER)
    print(f"export: the network is in {path} and in MLflow run {run.run_id}")
    return path
