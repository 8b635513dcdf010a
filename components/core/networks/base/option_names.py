"""The names of input levels and mask shares in configs and in exported files, without torch."""

from typing import Literal

LevelName = Literal["as-is", "standardised", "unit-loudness", "full-scale"]

SharesName = Literal["of-masks", "of-powers"]
