"""The recipes of trainings are valid parameter files."""

from pathlib import Path

import pytest

from components.core.base.all_sections import require_no_mistakes
from components.core.base.params import ParameterFile
from tests.support.source import ROOT

RECIPES = sorted((ROOT / "benchmarks" / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_fits_every_step(path: Path) -> None:
    require_no_mistakes(ParameterFile(path.read_text(encoding="utf-8"), path.name))
