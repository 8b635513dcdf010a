"""The YAML file of a training is read without running code, and names the stems as Stemline does."""

from pathlib import Path

import pytest

from components.convert.msst.training_config import TrainingConfig, read_training_config
from components.core.base.errors import UserError


def _read(folder: Path, text: str) -> TrainingConfig:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return read_training_config(folder / "config.yaml")


def test_file_has_tuples_lists_and_numbers_with_an_exponent(tmp_path: Path) -> None:
    config = _read(
        tmp_path, "training: {instruments: [a], lr: 1e-4, other: 5E3}\nmodel: {bands: !!python/tuple [2, 4]}\n"
    )
    assert config.values["training"]["lr"] == pytest.approx(1e-4)
    assert config.values["training"]["other"] == 5000.0
    assert config.values["model"]["bands"] == [2, 4]


@pytest.mark.parametrize(
    ("training", "targets"),
    [
        ("{instruments: [vocals, other], target_instrument: vocals}", ("vocals",)),
        ("{instruments: [vocals, other], target_instrument: other}", ("accompaniment",)),
        ("{instruments: [Vocals, Instrumental], target_instrument: null}", ("vocals", "accompaniment")),
        ("{instruments: [drums, bass, other, vocals]}", ("drums", "bass", "other", "vocals")),
        ("{instruments: [No Reverb, Reverb]}", ("no-reverb", "reverb")),
    ],
)
def test_targets_are_the_target_or_all_instruments(training: str, targets: tuple[str, ...], tmp_path: Path) -> None:
    assert _read(tmp_path, f"training: {training}\n").targets == targets


def test_segment_is_that_of_inference_before_that_of_audio(tmp_path: Path) -> None:
    plain = "training: {instruments: [a]}\n"
    assert _read(tmp_path, f"{plain}audio: {{chunk_size: 5}}\ninference: {{chunk_size: 7}}\n").segment == 7
    assert _read(tmp_path, f"{plain}audio: {{chunk_size: 5}}\ninference: {{dim_t: 7}}\n").segment == 5
    with pytest.raises(UserError, match="neither inference nor audio has a chunk_size"):
        _ = _read(tmp_path, plain).segment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: !!python/object/apply:os.system ['touch pwned']\n", "is not the YAML file of a training"),
        ("- 1\n", "has no section 'training'"),
        ("training: {date: 2023-02-30}\n", "is not the YAML file of a training: day is out of range"),
        ("training: {a: !!int abc}\n", "is not the YAML file of a training"),
        ("training: {a: !!timestamp x}\n", "is not the YAML file of a training"),
        ("training: {a: [\n", "is not the YAML file of a training"),
        ("training: {target_instrument: vocals}\n", "training.instruments: missing"),
        ("training: {instruments: [Lead Vocals, lead_vocals]}\n", "become lead-vocals, lead-vocals: give each a name"),
        ("training: {instruments: [声, bass]}\n", "give each a name of its own"),
    ],
)
def test_other_files_are_a_user_error(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as raised:
        _ = _read(tmp_path, text).targets
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "pwned").exists()
    with pytest.raises(UserError, match="cannot be read"):
        read_training_config(tmp_path / "missing.yaml")
