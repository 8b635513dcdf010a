"""The step: put the model that a training starts from into a folder, so that DVC and the training know its digest."""

import shutil
from pathlib import Path

from components.core.models.addresses import fetch_model
from components.core.models.model_description import WEIGHTS, ModelDescription
from components.core.models.model_folder import read_description
from components.core.models.start_model import StartModel, start_model_folder


def start(address: str, out: Path, scratch: Path) -> StartModel:
    """Copy the model at `address`, a folder or an address in the registry, to `out`; "" means no model.

    Registered models are fetched to `scratch`. Raises UserError when there is no such model.
    """
    shutil.rmtree(out, ignore_errors=True)
    found = StartModel()
    if address:
        model = fetch_model(address, scratch)
        description = read_description(model.folder)
        start_model_folder(out).mkdir(parents=True)
        for name in (ModelDescription.FILE, WEIGHTS):
            shutil.copyfile(model.folder / name, start_model_folder(out) / name)
        found = StartModel(address=address, version=model.version, sha256=description.sha256)
    out.mkdir(parents=True, exist_ok=True)
    found.write(out)
    return found
