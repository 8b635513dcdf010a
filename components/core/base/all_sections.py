"""All sections of params.yaml at once, so that a mistake in any of them is found before anything starts."""

from importlib import import_module
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.params import ParameterFile, Section

_COMPONENTS = Path(__file__).parents[2]


def section_schemas() -> dict[str, type[Section]]:
    """Return the typed config of each step that has one, by the step: `components/<step>/config.py`."""
    steps = sorted(path.parent.name for path in _COMPONENTS.glob("*/config.py"))
    return {step: getattr(import_module(f"components.{step}.config"), f"{step.capitalize()}Config") for step in steps}


def find_mistakes(parameters: ParameterFile) -> dict[str, str]:
    """Return one line about each section that does not fit its step."""
    mistakes = {}
    for step, schema in section_schemas().items():
        try:
            parameters.section(step, schema)
        except UserError as error:
            mistakes[step] = str(error)
    return mistakes


def require_no_mistakes(parameters: ParameterFile) -> None:
    """Raise UserError, one line, when a section does not fit its step."""
    if mistakes := find_mistakes(parameters):
        raise UserError("; ".join(mistakes.values()))
