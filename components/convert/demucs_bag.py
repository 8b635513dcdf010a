"""Models of the package `demucs` that are bags: several networks, each with a weight for each stem."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from components.convert.demucs_package import SUFFIXES
from components.convert.ensemble import make_config
from components.convert.members import Member, join_weights
from components.convert.published.demucs import Bag, find_bag, read_bag
from components.convert.weight_files import ConvertedModel
from components.core.base.errors import UserError

_YAML = ".yaml"

ReadNetwork = Callable[[str], ConvertedModel]


def read_network_or_bag(read_network: ReadNetwork, source: str) -> ConvertedModel:
    """Read one network with `read_network`, or a bag as an ensemble of its networks.

    A bag is a name of several networks that the package knows, such as htdemucs_ft, or a YAML file of the package with
    the files of the networks beside it. The members are combined before their stems are made to add up.
    """
    place = Path(source)
    if place.suffix == _YAML and place.is_file():
        bag = read_bag(place.read_text(encoding="utf-8", errors="replace"), source)
        return _read_bag(bag, [_find_beside(place, signature) for signature in bag.signatures], read_network, source)
    known = None if place.exists() else find_bag(source)
    return _read_bag(known, list(known.signatures), read_network, source) if known else read_network(source)


def _find_beside(place: Path, signature: str) -> str:
    found = [path for path in sorted(place.parent.glob(f"{signature}*")) if path.suffix in SUFFIXES]
    if not found:
        raise UserError(f"{place.parent} holds no file of {signature}, which {place.name} names: put it there")
    return str(found[0])


def _read_bag(bag: Bag, sources: list[str], read_network: ReadNetwork, source: str) -> ConvertedModel:
    networks = [read_network(each) for each in sources]
    first = networks[0]
    facts = (first.targets, first.rate, first.channels)
    if any((network.targets, network.rate, network.channels) != facts for network in networks):
        raise UserError(f"{source} has networks of different stems, rates or channels: name one of them")
    weights = bag.weights or ((1.0,) * len(first.targets),) * len(networks)
    if [len(row) for row in weights] != [len(first.targets)] * len(networks):
        raise UserError(f"{source} needs a weight for each of {len(networks)} networks and {len(first.targets)} stems")
    members = [Member(network.network.model_dump(mode="json"), network.state, network.targets) for network in networks]
    config = make_config(members, weights, first.targets, "mean", "estimates", source)
    files = tuple(dict.fromkeys(file for network in networks for file in network.files))
    original = _average([network.original for network in networks], weights)
    return ConvertedModel(config, join_weights(members), *facts, files, original)


def _average(
    originals: list[Callable[[Tensor], Tensor] | None], weights: tuple[tuple[float, ...], ...]
) -> Callable[[Tensor], Tensor] | None:
    """Return a function from a mixture to the weighted mean of the stems of the package's networks."""
    present = [original for original in originals if original is not None]
    if len(present) < len(originals):
        return None
    shares = torch.tensor(weights)
    shares = (shares / shares.sum(dim=0))[:, None, :, None, None]
    return lambda mixture: (torch.stack([original(mixture) for original in present]) * shares).sum(dim=0)
