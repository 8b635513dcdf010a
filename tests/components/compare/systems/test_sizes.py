"""The table of sizes agrees with the networks."""

import pytest
import torch

from components.compare.systems.sizes import WEIGHTS
from components.compare.systems.system_registry import SYSTEMS
from components.core.networks.architecture_registry import parse_network
from components.core.networks.building import build_separator


def test_the_table_has_every_system() -> None:
    assert set(WEIGHTS) == set(SYSTEMS)


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_the_table_has_the_number_of_weights_of_the_network(name: str) -> None:
    system = SYSTEMS[name]
    with torch.device("meta"):
        networks = [
            build_separator(parse_network(values), len(system.targets), 2)
            for values in (system.published, system.small)
        ]
    counted = tuple(sum(weights.numel() for weights in network.parameters()) for network in networks)
    assert counted == WEIGHTS[name]
