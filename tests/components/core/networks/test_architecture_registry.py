"""The registry of architectures: names, files, what it imports, and mistakes in params.yaml."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.networks import architecture_registry
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
from components.core.networks.building import build_separator
from tests.support.tiny_models import TINY

FILES = {path.stem for path in Path(architecture_registry.__file__).parent.glob("*.py")} - {
    "__init__",
    "architecture_registry",
    "building",
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_file_of_an_architecture_has_its_name(name: str) -> None:
    assert ARCHITECTURES[name].name == name


def test_registry_lists_all_files() -> None:
    assert set(ARCHITECTURES) == FILES
    assert len(ARCHITECTURES) == len(FILES)


def test_unknown_name_is_a_key_error() -> None:
    assert "architecture_registry" not in ARCHITECTURES
    with pytest.raises(KeyError, match="nothing"):
        ARCHITECTURES["nothing"]


@pytest.mark.slow
def test_building_one_architecture_imports_no_other() -> None:
    program = """
import sys
from components.core.networks.building import build_separator
from components.core.networks.architecture_registry import parse_network
build_separator(parse_network({"name": "unet", "widths": [4, 8], "frames": 16}), 2, 2)
print(*(name.rpartition(".")[2] for name in sys.modules if name.startswith("components.core.networks.")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & FILES == {"unet"}


def test_reading_the_parameters_of_all_architectures_leaves_torch_out() -> None:
    program = """
import sys
from components.core.networks.architecture_registry import ARCHITECTURES, parse_network
print([found.name for found in ARCHITECTURES.values()], parse_network({"name": "unet"}), "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("False")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, found in ARCHITECTURES.items() if found.trainable])
def test_registry_finds_every_architecture_by_name(name: str) -> None:
    network = parse_network({"name": name})
    assert isinstance(network, ARCHITECTURES[name].config)
    separator = build_separator(TINY if name == "unet" else network, 2, 2)
    assert separator.segment > 0


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"name": "wnet"},
            "network.name: there is no architecture 'wnet': choose from bs_roformer, chain, conv_tasnet,",
        ),
        ({}, "no architecture 'None'"),
        ({"name": "unet", "width": [8]}, "network.width: no such parameter"),
        ({"name": "unet", "widths": "wide"}, "network.widths: expected a list"),
        ({"name": "unet", "stft": {"window": 1.5}}, "network.stft.window: expected a whole number"),
    ],
)
def test_wrong_network_is_a_user_error(values: dict[str, object], says: str) -> None:
    with pytest.raises(UserError) as error:
        parse_network(values, "some.yaml")
    assert str(error.value).startswith("some.yaml: ")
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1
