"""Separators that contain other separators."""

from collections.abc import Sequence

from torch import nn

from components.core.networks.architecture_registry import parse_network
from components.core.networks.base.compound_config import MemberConfig
from components.core.networks.base.separator import ResidualSeparator, Separator
from components.core.networks.building import build_separator


class CompoundSeparator(Separator):
    """A separator of the separators in `network`.

    All of them get the same segments: of the length of the shortest one, so that none is longer than in training.
    """

    network: nn.ModuleList

    def __init__(self, members: Sequence[MemberConfig], channels: int) -> None:
        super().__init__()
        self.network = nn.ModuleList(_build_member(member, channels) for member in members)
        self.segment = min(member.segment for member in self.members)
        self.band = max(member.band for member in self.members)

    @property
    def members(self) -> list[Separator]:
        """The separators."""
        return [member for member in self.network if isinstance(member, Separator)]


def _build_member(member: MemberConfig, channels: int) -> Separator:
    separator = build_separator(parse_network(member.network), member.heads, channels)
    return separator if member.heads > 1 else ResidualSeparator(separator)
