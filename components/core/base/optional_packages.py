"""Packages that are not always installed."""

import importlib
from typing import Any

from components.core.base.errors import UserError


def import_optional(module: str, package: str, wanted_by: str, extra: str = "systems") -> Any:
    """Return a module of an optional package; raises UserError, which names what to install, when it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise UserError(
            f"{wanted_by} needs the package {package}, which is not installed: pip install 'stemline[{extra}]'"
        ) from None
