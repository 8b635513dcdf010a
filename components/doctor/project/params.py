"""Check of params.yaml: does every section fit the step that reads it?"""

from importlib import import_module
from pathlib import Path

from components.core.base.errors import UserError
from components.core.base.params import Section, load_section
from components.doctor.finding import Findings, ok, problem

_COMPONENTS = Path(__file__).parents[2]


def check_params() -> Findings:
    """Read every section with its step's typed config; the steps are found by their folders."""
    steps = sorted(path.parent.name for path in _COMPONENTS.glob("*/config.py"))
    problems = []
    for step in steps:
        try:
            load_section(step, _find_config(step))
        except UserError as error:
            remedy = f"components/{step}/config.py lists the parameters"
            problems.append(problem(f"params.yaml: {step}", str(error), remedy))
    return problems or [ok("params.yaml", f"{len(steps)} sections, all fit")]


def _find_config(step: str) -> type[Section]:
    config: type[Section] = getattr(import_module(f"components.{step}.config"), f"{step.capitalize()}Config")
    return config
