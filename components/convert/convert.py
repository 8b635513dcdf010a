"""From published weights to a folder that every step takes."""

from collections.abc import Callable, Mapping
from pathlib import Path

from components.convert import demucs, onnx, open_unmix, spleeter
from components.convert.source import Converted
from components.core.bundle import save_model
from components.core.errors import UserError
from components.core.files import digest_file
from components.core.networks.registry import build_separator
from components.core.provenance import git_commit

KINDS: Mapping[str, Callable[[str], Converted]] = {
    "open-unmix": open_unmix.convert,
    "hdemucs": demucs.convert_hdemucs,
    "htdemucs": demucs.convert_htdemucs,
    "spleeter": spleeter.convert,
    "onnx": onnx.convert,
}
"""Whose weights, to what reads them: a name that their package knows, a file, or a folder."""


def convert(kind: str, source: str, folder: Path) -> Converted:
    """Write the weights of `kind` at `source` as a model to `folder`; its origin names the files and their digests."""
    if kind not in KINDS:
        raise UserError(f"there are no weights of the kind {kind} (there are {', '.join(KINDS)})")
    converted = KINDS[kind](source)
    separator = build_separator(converted.network, len(converted.targets), converted.channels)
    try:
        separator.load_state_dict(dict(converted.state))
    except RuntimeError as error:
        raise UserError(f"{source} does not fit {kind}: {' '.join(str(error).split())[:300]}") from None
    origin = {
        "run_id": "",
        "git_commit": git_commit(),
        "converted_from": kind,
        "files": {path.name: digest_file(path) for path in converted.files},
    }
    save_model(
        folder, separator, converted.network, converted.targets, converted.rate, converted.channels, origin
    )  # fmt: skip
    return converted
