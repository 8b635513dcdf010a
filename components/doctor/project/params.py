"""params.yaml: does every section fit the step that reads it?"""

from importlib import import_module
from pathlib import Path
from typing import Any

from components.core.base.errors import UserError
from components.core.base.params import Section, load_section
from components.doctor.finding import Finding, Findings, ok, problem

_COMPONENTS = Path(__file__).parents[2]


def check_params() -> Findings:
    """Read every section as its step does. Steps are imported by name: none of them is known here."""
    steps = sorted(path.parent.name for path in _COMPONENTS.glob("*/config.py"))
    wrong = [finding for step in steps for finding in _wrong(step)]
    yield from wrong
    if not wrong:
        yield ok("params.yaml", f"{len(steps)} sections, all fit")


def _wrong(step: str) -> list[Finding]:
    try:
        load_section(step, schema_of(step))
    except UserError as error:
        return [problem(f"params.yaml: {step}", str(error), f"components/{step}/config.py says what may stand there")]
    return []


def schema_of(step: str) -> type[Section]:
    """Return the typed config of a step."""
    module: Any = import_module(f"components.{step}.config")
    schema: type[Section] = getattr(module, f"{step.capitalize()}Config")
    return schema
