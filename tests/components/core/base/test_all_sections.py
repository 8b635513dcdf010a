"""All sections of params.yaml are checked at once, and without torch."""

import subprocess
import sys

import pytest

from components.core.base.all_sections import find_mistakes, require_no_mistakes
from components.core.base.errors import UserError
from components.core.base.params import PACKAGED_PARAMS, ParameterFile

TEXT = PACKAGED_PARAMS.read_text(encoding="utf-8")


def _line_of(text: str) -> int:
    return next(number for number, line in enumerate(TEXT.splitlines(), 1) if text in line)


def test_the_packaged_params_have_no_mistake() -> None:
    require_no_mistakes(ParameterFile(TEXT))


@pytest.mark.parametrize(
    ("right", "wrong", "name", "meant"),
    [
        ("  steps: 600", "  stepz: 600", "train.stepz", "steps"),
        ("    widths: [8", "    width: [8", "train.network.width", "widths"),
        ("    gain_db: 6.0", "    gain: 6.0", "train.augment.gain", "gain_db"),
        ("  margin_db: 0.1", "  margin: 0.1", "gate.margin", "margin_db"),
        ("    clipped_share:", "    clipped_shares:", "separate.flags.clipped_shares", "clipped_share"),
    ],
)
def test_a_misspelt_parameter_is_named_with_its_line_and_the_nearest_one(
    right: str, wrong: str, name: str, meant: str
) -> None:
    with pytest.raises(UserError) as error:
        require_no_mistakes(ParameterFile(TEXT.replace(right, wrong)))
    assert str(error.value) == f"params.yaml:{_line_of(right)}: {name}: no such parameter (did you mean '{meant}'?)"


def test_mistakes_in_several_sections_are_found_together() -> None:
    text = TEXT.replace("  steps: 600", "  steps: many").replace("register:", "regster:")
    assert find_mistakes(ParameterFile(text)).keys() == {"train", "register"}


def test_an_unknown_architecture_is_named_with_its_line() -> None:
    found = find_mistakes(ParameterFile(TEXT.replace("    name: unet", "    name: unett")))
    assert found["train"].startswith(
        f"params.yaml:{_line_of('    name: unet')}: train.network.name: there is no architecture"
    )


def test_checking_leaves_torch_and_mlflow_out() -> None:
    program = """
import sys
from components.core.base.all_sections import require_no_mistakes
from components.core.base.params import PACKAGED_PARAMS, read_parameters
require_no_mistakes(read_parameters(PACKAGED_PARAMS))
print(sorted({"torch", "mlflow", "pandas", "prefect"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
