"""A family of published networks: how to recognise its weights, and how to convert them to a Stemline network."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from components.convert.msst.training_config import TrainingConfig
from components.core.base.params import Section

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class PublishedNetwork:
    """A network of ours, the number of its audio channels, and its weights under the names of our network.

    `original` is the network of a package, in evaluation mode, where one that is installed has it (`ConvertedModel`).
    """

    network: Section
    channels: int
    state: State
    original: nn.Module | None = None


@dataclass(frozen=True)
class Family:
    """A kind of networks.

    title        its name as its authors write it
    recognises   tells from the names of all weights whether they are of this family
    read         makes our network from the parameters and the weights; raises UserError for parameters that change the
                 computation in a way that ours does not have
    """

    title: str
    recognises: Callable[[Collection[str]], bool]
    read: Callable[[TrainingConfig, State], PublishedNetwork]
