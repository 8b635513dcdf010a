"""The model as MLflow serves it (models from code: no pickle). MLflow runs this file; nothing imports it."""

from pathlib import Path

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from components.core.models.model_folder import load_model
from components.core.separating.segments import separate_audio


class ServedSeparator(PythonModel):  # type: ignore[misc]
    """Separates waveforms at the model's rate: `(batch, channels, samples)` to `(batch, stems, channels, samples)`."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model from the artifacts; raises UserError when its files were changed."""
        self._model = load_model(Path(context.artifacts["model"]))

    # MLflow needs this one type hint: without it, it warns; from other hints it makes a schema against the signature
    def predict(self, context, model_input: np.ndarray, params=None):  # type: ignore[no-untyped-def]
        """Separate the mixtures `(batch, channels, samples)` into stems `(batch, stems, channels, samples)`."""
        return np.stack([separate_audio(self._model.separator, mixture) for mixture in np.asarray(model_input)])


mlflow.models.set_model(ServedSeparator())
