"""The start of a step's program by a verb of `stemline`."""

import os
import sys
from typing import NoReturn

from components.core.base.section_options import as_arguments


def exec_module(module: str, *arguments: str, **options: object) -> NoReturn:
    """Replace this process by `python -m <module>`: the verb imports nothing of what the module needs.

    Options that are None or False are left out; True is a switch, and a list is repeated.
    """
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    os.execv(sys.executable, [sys.executable, "-m", module, *as_arguments(given), *arguments])
