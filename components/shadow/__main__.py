"""`python -m components.shadow`: writes a page to compare two models by blind listening."""

from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.base.workspace import WORKSPACE
from components.core.data.artifacts import RECORDINGS
from components.shadow.candidates import SeparateSection, load_pair
from components.shadow.config import ShadowConfig
from components.shadow.shadow import PAGE_FOLDER, shadow


def make_listening_page(
    challenger: Annotated[str, Option(help="models:/NAME/VERSION, or the folder of a model.")],
    champion: Annotated[str, Option(help="The same for the model to compare it with.")],
    source: Annotated[
        str | None, Option(help="A folder or s3://bucket/folder of recordings [default: shadow.source of params.yaml]")
    ] = None,
    out: Annotated[Path, Option(help="Folder for page and key.")] = WORKSPACE / "shadow",
) -> None:
    """Separate a few recordings with two models, and write a page to compare them by blind listening."""
    torch.set_num_threads(1)  # `separate` computes on one thread: two give other bits
    config = load_section("shadow", ShadowConfig)
    pair = load_pair(challenger, champion, load_section("separate", SeparateSection))
    key = shadow(config, pair, source or config.source or str(WORKSPACE / RECORDINGS.writer), out)
    page = (out / PAGE_FOLDER / "index.html").resolve().as_uri()
    print(f"shadow: {len(key.recordings)} recordings to listen to at {page}")


if __name__ == "__main__":
    run_step_command(make_listening_page, "components.shadow")
