"""The sections `register` and `promote` of params.yaml, which several steps read to find the live model."""

from pathlib import Path

from pydantic import ConfigDict, Field

from components.core.base.params import PARAMS, Section, load_section

_DEMO_SONGS = "demo"  # the data set of synthetic songs


class RegisterConfig(Section):
    """The section `register`.

    name   the registered model's name in MLflow
    """

    name: str = Field(min_length=1)

    @property
    def demonstration(self) -> str:
        """The name of a model that learned from the synthetic demo songs alone."""
        return f"{self.name}-demo"


class _TrainingData(Section):
    """The part of the section `acquire` that decides the registered name."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    datasets: tuple[str, ...]


def load_model_name(params: Path = PARAMS) -> str:
    """Return the name under which the model that `params` describes is registered, judged and promoted.

    A demonstration has a name of its own, so that it never replaces the model that `stemline separate` takes.
    """
    register = load_section("register", RegisterConfig, params)
    return register.demonstration if is_demonstration(params) else register.name


def is_demonstration(params: Path = PARAMS) -> bool:
    """Return whether a model that `params` describes learns from demo songs alone."""
    return set(load_section("acquire", _TrainingData, params).datasets) == {_DEMO_SONGS}


class _Separation(Section):
    """The part of the section `separate` that names the model."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str


def load_separating_model(params: Path = PARAMS) -> str:
    """Return the address of the model that `stemline separate` takes, once it is there."""
    return load_section("separate", _Separation, params).model


class PromoteConfig(Section):
    """The section `promote`.

    alias      the registry's alias of the live version
    previous   the alias of the version that was live before
    journal    a folder or s3://bucket/folder for the journal of promotions; a relative folder lies in the workspace;
               the environment variable STEMLINE_JOURNAL overrides it
    """

    alias: str = Field(min_length=1)
    previous: str = Field(min_length=1)
    journal: str = Field(min_length=1)
