"""The YAML file of a training: which stems the network separates, and at which rate and length."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import Field, PositiveInt

from components.convert.open_section import OpenSection
from components.convert.stem_names import name_stem
from components.core.base.errors import UserError
from components.core.base.params import Section, parse_section
from components.core.networks.base.option_names import LevelName

_RATE = 44100  # where the file names none, as the training code assumes

SectionT = TypeVar("SectionT", bound=Section)


class _Training(OpenSection):
    instruments: tuple[str, ...] = Field(min_length=1)
    target_instrument: str | None = None


class _Audio(OpenSection):
    sample_rate: PositiveInt = _RATE
    chunk_size: PositiveInt | None = None


class _Inference(OpenSection):
    chunk_size: PositiveInt | None = None
    normalize: bool = False


@dataclass(frozen=True)
class TrainingConfig:
    """The values of a file, by section."""

    path: Path
    values: Mapping[str, Any]

    def section(self, name: str, schema: type[SectionT], ignored: tuple[str, ...] = ()) -> SectionT:
        """Return a section without the keys that begin with one of `ignored`.

        Raises UserError when a value is wrong, and for a key that `schema` does not know: it may change the network.
        """
        values = self.values.get(name, {})
        if isinstance(values, dict):
            values = {key: value for key, value in values.items() if not str(key).startswith(ignored)}
        return parse_section(name, values, schema, str(self.path))

    def with_model_value(self, name: str, value: object) -> "TrainingConfig":
        """Return the same values, with another one of `name` in the section `model`."""
        model = self.values.get("model", {})
        return (
            replace(self, values={**self.values, "model": {**model, name: value}}) if isinstance(model, dict) else self
        )

    @property
    def targets(self) -> tuple[str, ...]:
        """The names of the stems in the order of the network: the target alone, or all instruments."""
        training = self.section("training", _Training)
        chosen = (training.target_instrument,) if training.target_instrument else training.instruments
        two_parts = {name.lower() for name in training.instruments} == {"vocals", "other"}
        names = tuple(_name_stem(instrument, two_parts) for instrument in chosen)
        if "" in names or len(set(names)) < len(names):
            raise UserError(
                f"{self.path}: training.instruments: {', '.join(chosen)} become {', '.join(names)}: "
                "give each a name of its own in the letters a to z and digits"
            )
        return names

    @property
    def rate(self) -> int:
        """The sampling rate in Hz."""
        return self.section("audio", _Audio).sample_rate

    @property
    def segment(self) -> int:
        """The number of samples that the network separates at once."""
        inference, audio = self.section("inference", _Inference), self.section("audio", _Audio)
        segment = inference.chunk_size or audio.chunk_size
        if segment is None:
            raise UserError(f"{self.path}: neither inference nor audio has a chunk_size: add the samples of a piece")
        return segment

    @property
    def level(self) -> LevelName:
        """The level of the mixture that the network gets."""
        return "standardised" if self.section("inference", _Inference).normalize else "as-is"

    def refuse_normalisation(self, title: str) -> None:
        """Raise UserError where the file wants a level that our network of the family `title` does not have."""
        if self.level != "as-is":
            raise UserError(
                f"{self.path}: inference.normalize is true, and {title} takes samples as they are: "
                "name weights that were trained without it"
            )


def _name_stem(instrument: str, two_parts: bool) -> str:
    """Return an instrument's name as a stem of ours; with `two_parts`, all but the vocals is the accompaniment."""
    return name_stem("instrumental" if two_parts and instrument.lower() == "other" else instrument)


def read_training_config(path: Path) -> TrainingConfig:
    """Read a file without running code from it; raises UserError, one line, when it is missing or no YAML."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}: name the YAML file of the training") from None
    except Exception as error:
        # PyYAML lets errors of many kinds pass where a value is not of its type, such as a date of 30 February
        raise UserError(f"{path} is not the YAML file of a training: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict) or "training" not in values:
        raise UserError(f"{path} has no section 'training': name the YAML file of the training")
    return TrainingConfig(path, values)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with tuples as lists, and with numbers such as 1e-4, which YAML 1.1 takes as texts."""


def _construct_list(loader: _Loader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _construct_list)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
