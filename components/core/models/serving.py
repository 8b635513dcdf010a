"""The model as MLflow serves it (models from code: no pickle). MLflow runs this file; nothing imports it."""

from pathlib import Path

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from components.core.models.bundle import load_model
from components.core.separating.segments import separate_audio


class ServedSeparator(PythonModel):  # type: ignore[misc]
    """Separates waveforms at the model's rate: `(batch, channels, samples)` to `(batch, stems, channels, samples)`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model of the artifacts; a changed one is refused."""
        self._model = load_model(Path(context.artifacts["model"]))

    # this hint alone: MLflow warns where there is none, and takes others for a schema of its own, against the signature
    def predict(self, context, model_input: np.ndarray, params=None):  # type: ignore[no-untyped-def]
        """Separate each mixture of the batch."""
        return np.stack([separate_audio(self._model.separator, mixture) for mixture in np.asarray(model_input)])


mlflow.models.set_model(ServedSeparator())
