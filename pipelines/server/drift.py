"""A catalogue that is unlike the training's music calls for a retraining: Prefect has triggers for it (prefect.yaml).

A job writes into its destination how far its catalogue has drifted, and whether that is over its limit.
"""

import json
import os
import signal
import subprocess
import sys

from components.core.base.process_lifetime import bind_to_this_process
from components.core.base.secrets import without_secrets
from components.core.base.step_command import error_line
from components.core.stores.opening import open_store
from components.core.stores.store import RECORDS

DRIFTED = "stemline.catalogue.drift"
QUARANTINED = 4
"""Exit code of a job that separated all that can be separated."""


def tell_of_drift(destination: str) -> bool:
    """Tell the server if the last job's catalogue is over its limit; return whether it is."""
    summary = json.loads(open_store(destination).read(f"{RECORDS}/summary.json") or b"{}")
    if not summary.get("drifted"):
        return False
    from pipelines.server.events import tell  # imports Prefect, which takes seconds

    tell(DRIFTED, f"stemline.catalogue.{destination}", {"drift": summary["drift"], "catalogue": destination})
    return True


def separate_and_tell(command: list[str], destination: str) -> int:
    """Run `command`, a separation, in this terminal, tell the server of drift, and return the exit code.

    A server that cannot be told is a line on stderr: the stems are done.
    """
    code = _in_this_terminal(command)
    if code in (0, QUARANTINED):
        server = without_secrets(os.environ["PREFECT_API_URL"])
        try:
            if tell_of_drift(destination):
                print(f"separate: {server} was told of it")
        except Exception as error:  # of whatever kind, it is none of the job's
            said = without_secrets(error_line(error) or " ".join(f"{type(error).__name__}: {error}".split()))
            print(f"stemline: {server} could not be told of the catalogue's drift: {said}", file=sys.stderr)
    return code


def _in_this_terminal(command: list[str]) -> int:
    """Run `command`; it hears Ctrl-C itself, is handed on SIGTERM, and ends with this process."""
    process = subprocess.Popen(bind_to_this_process(command))
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda number, frame: process.terminate()),
    }
    try:
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code
