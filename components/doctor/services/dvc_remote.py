"""Check of DVC's remote: can results be pushed to it and fetched from it?"""

from components.core.base.errors import UserError
from components.doctor.commands import run_module
from components.doctor.finding import Findings, not_used, ok, problem

_SUBJECT = "DVC remote"
_SECONDS = 40.0


def check_dvc_remote() -> Findings:
    """Write, read and delete a small file in the default remote."""
    try:
        answer = run_module("components.doctor.services.dvc_remote_trial", seconds=_SECONDS).split()
    except UserError as error:
        remedy = "check `dvc remote list`, the key's rights and AWS_ENDPOINT_URL; `dvc doctor` shows DVC's own set-up"
        yield problem(_SUBJECT, str(error), remedy)
        return
    if answer:
        address, milliseconds = answer
        yield ok(_SUBJECT, f"{address}: write, read, delete: {milliseconds} ms")
    else:
        remedy = "to keep and share results: dvc remote add -d NAME s3://bucket/folder, then dvc push"
        yield not_used(_SUBJECT, "none is set: results are only in this machine's cache", remedy)
