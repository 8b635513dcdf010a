"""DVC's remote: can results be pushed to it and fetched from it?"""

from components.core.base.errors import UserError
from components.doctor.commands import run_module
from components.doctor.finding import Findings, not_used, ok, problem

_WHAT = "DVC remote"
_SECONDS = 40.0


def check_dvc_remote() -> Findings:
    """Write, read and delete a small file where the default remote keeps its files."""
    try:
        answer = run_module("components.doctor.project.dvc_trial", seconds=_SECONDS).split()
    except UserError as error:
        do = "see `dvc remote list`, the key's rights and AWS_ENDPOINT_URL; `dvc doctor` says what DVC itself has"
        yield problem(_WHAT, str(error), do)
        return
    if not answer:
        do = "to keep results and share them: dvc remote add -d NAME s3://bucket/folder, then dvc push"
        yield not_used(_WHAT, "none is set: results are in this machine's cache only", do)
    else:
        address, milliseconds = answer
        yield ok(_WHAT, f"{address}: write, read, delete: {milliseconds} ms")
