"""`python -m components.convert KIND SOURCE… FOLDER`: the program that `stemline convert` runs."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from components.convert import mdx_net, spleeter
from components.convert.convert import FORMATS, convert
from components.convert.msst import conversion as msst
from components.convert.onnx import OPTIONS
from components.core.base.step_command import run_step_command
from components.core.models.model_folder import Stored
from components.core.networks.base.separator import add_residual_target


def run(
    kind: Annotated[str, Argument(help=f"{', '.join(FORMATS)}.")],
    sources: Annotated[
        list[str], Argument(help="A name such as umxhq, a file, or a folder; msst: the YAML file and the weights.")
    ],
    folder: Annotated[Path, Argument(help="Folder for the model.")],
    interface: Annotated[str | None, Option(help=f"onnx: {OPTIONS['interface']}.")] = None,
    targets: Annotated[
        str | None, Option(help=f"onnx: {OPTIONS['targets']}; mdx-net: {mdx_net.OPTIONS['targets']}.")
    ] = None,
    rate: Annotated[str | None, Option(help=f"onnx, mdx-net: {OPTIONS['rate']}.")] = None,
    window: Annotated[
        str | None, Option(help=f"onnx: {OPTIONS['window']}; mdx-net: {mdx_net.OPTIONS['window']}.")
    ] = None,
    hop: Annotated[str | None, Option(help=f"onnx: {OPTIONS['hop']}; mdx-net: {mdx_net.OPTIONS['hop']}.")] = None,
    shares: Annotated[str | None, Option(help=f"onnx: {OPTIONS['shares']}.")] = None,
    level: Annotated[str | None, Option(help=f"onnx: {OPTIONS['level']}.")] = None,
    level_range: Annotated[str | None, Option(help=f"spleeter: {spleeter.OPTIONS['level_range']}.")] = None,
    compensate: Annotated[str | None, Option(help=f"mdx-net: {mdx_net.OPTIONS['compensate']}.")] = None,
    model_data: Annotated[str | None, Option(help=f"mdx-net: {mdx_net.OPTIONS['model_data']}.")] = None,
    zero_dc: Annotated[str | None, Option(help=f"msst: {msst.OPTIONS['zero_dc']}.")] = None,
    stored: Annotated[Stored, Option(help="Precision of the weights on disk.")] = "fp32",
) -> None:
    """Make a model folder from published weights, from an ONNX file, or from other models."""
    options = {
        "interface": interface, "targets": targets, "rate": rate, "window": window, "hop": hop, "shares": shares,
        "level": level, "level_range": level_range, "compensate": compensate, "model_data": model_data,
        "zero_dc": zero_dc,
    }  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    converted = convert(kind, tuple(sources), folder, given, stored)
    stems = ", ".join(add_residual_target(converted.targets))
    print(f"convert: {folder} separates {stems} at {converted.rate} Hz")


if __name__ == "__main__":
    run_step_command(run, "components.convert")
