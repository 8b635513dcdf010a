"""Sections of params.yaml are typed and frozen, and each mistake is one line that names it."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from components.core.base.errors import UserError
from components.core.base.params import (
    PACKAGED_PARAMS,
    ParameterFile,
    Section,
    load_section,
    load_section_or_default,
    parse_section,
)


class _Inner(Section):
    share: float = Field(0.5, ge=0, le=1)


class _Config(Section):
    name: str
    sizes: tuple[int, ...]
    rate: float
    inner: _Inner = _Inner()


GOOD = "step:\n  name: a\n  sizes: [1, 2]\n  rate: 3\n  inner: {share: 0.25}\nother:\n  whatever: 1\n"


def _load(tmp_path: Path, text: str) -> _Config:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return load_section("step", _Config, path)


def test_section_is_typed_and_frozen(tmp_path: Path) -> None:
    config = _load(tmp_path, GOOD)
    assert config == _Config(name="a", sizes=(1, 2), rate=3.0, inner=_Inner(share=0.25))
    with pytest.raises(ValidationError):
        config.name = "b"  # type: ignore[misc]


@pytest.mark.parametrize("text", ["1e-3", "1e-03", "0.001", "1.0e-3"])
def test_load_section_reads_the_numbers_of_dvc(tmp_path: Path, text: str) -> None:
    assert _load(tmp_path, GOOD.replace("rate: 3", f"rate: {text}")).rate == 0.001


@pytest.mark.parametrize(
    ("wrong", "right", "says"),
    [
        ("name: a", "nmae: a", "step.nmae: no such parameter (did you mean 'name'?)"),
        ("name: a", "", "params.yaml:1: step.name: missing: add it"),
        ("share: 0.25", "shares: 0.25", "params.yaml:5: step.inner.shares: no such parameter"),
        ("[1, 2]", "\n  - 1\n  - 2.5", "params.yaml:5: step.sizes.1: expected a whole number"),
        ("share: 0.25", "shares: 0.25", "step.inner.shares: no such parameter (did you mean 'share'?)"),
        ("step:", "steps:", "params.yaml:1: steps: no such section (did you mean 'step'?)"),
        ("name: a", "name: 7", "step.name: expected a text"),
        ("rate: 3", "rate: fast", "step.rate: expected a number"),
        ("rate: 3", "rate: '3'", "step.rate: expected a number"),
        ("rate: 3", "rate: 2026-11-23", "step.rate: expected a number"),  # YAML reads this as a date
        ("[1, 2]", "[1, 2.5]", "step.sizes.1: expected a whole number"),
        ("[1, 2]", "3", "step.sizes: expected a list, got 3"),
        ("share: 0.25", "share: 1.5", "step.inner.share: expected a number less than or equal to 1"),
        ("share: 0.25", "part: 0.25", "step.inner.part: no such parameter"),
        ("step:", "task:", "has no section 'step'"),
        (GOOD, "- a\n- b\n", "has no section 'step'"),
        (GOOD, "", "has no section 'step'"),
        (GOOD, "step: {a: [1\nb: ]", "is not valid YAML"),
        (GOOD, "step:\n\tname: a\n", "is not valid YAML"),
        (GOOD, "step: 7\n", "step: expected names and values"),
        (GOOD, "step:\n", "step: expected names and values"),
    ],
)
def test_wrong_section_is_a_user_error(tmp_path: Path, wrong: str, right: str, says: str) -> None:
    assert wrong in GOOD
    with pytest.raises(UserError) as error:
        _load(tmp_path, GOOD.replace(wrong, right))
    assert says in str(error.value)
    assert "params.yaml" in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_misspelt_parameter_is_not_also_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        _load(tmp_path, GOOD.replace("name: a", "nmae: a"))
    assert "missing" not in str(error.value)


def test_a_changed_value_that_is_wrong_is_not_blamed_on_the_file() -> None:
    with pytest.raises(UserError, match=r"^--set: step\.rate: expected a number"):
        ParameterFile(GOOD, changes={"step.rate": "fast"}).section("step", _Config)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(UserError) as error:
        parse_section("step", {"name": 1, "sizes": [1], "speed": 2}, _Config, "there")
    for name in ("step.name", "step.rate", "step.speed"):
        assert name in str(error.value)


def test_example_is_the_packaged_value_but_never_the_wrong_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged, project = tmp_path / "packaged.yaml", tmp_path / "project"
    project.mkdir()
    monkeypatch.setattr("components.core.base.params.PACKAGED_PARAMS", packaged)
    packaged.write_text(GOOD)
    with pytest.raises(UserError, match=r"share: expected .*, got 1\.5: write e\.g\. 0\.25$"):
        _load(project, GOOD.replace("share: 0.25", "share: 1.5"))
    packaged.write_text(GOOD.replace("share: 0.25", "share: 1.5"))  # in the repository both are one file
    with pytest.raises(UserError, match=r"share: expected .*, got 1\.5$"):
        _load(project, packaged.read_text())


def test_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml does not exist: run from the root"):
        load_section("step", _Config, tmp_path / "params.yaml")


def test_binary_file_is_a_user_error(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"step: \xff\xfe\x00")
    with pytest.raises(UserError, match="is not valid YAML"):
        load_section("step", _Config, path)


def test_load_section_or_default_prefers_the_project_over_the_package(tmp_path: Path) -> None:
    class Register(Section):
        name: str

    own = tmp_path / "params.yaml"
    packaged = load_section("register", Register, PACKAGED_PARAMS)
    assert load_section_or_default("register", Register, own) == packaged
    own.write_text("register: {name: mine}", encoding="utf-8")
    assert load_section_or_default("register", Register, own).name == "mine"


def test_packaged_params_equal_those_of_the_repository() -> None:
    assert PACKAGED_PARAMS.read_bytes() == (Path(__file__).parents[4] / "params.yaml").read_bytes()
