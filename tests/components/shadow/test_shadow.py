"""The shadow step: both models' stems add up to the mixture, and the page does not reveal the models."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from components.core.base.errors import UserError
from components.core.base.files import digest_file, digest_folder
from components.core.separating.postprocessing_config import PostProcessing
from components.core.separating.segments import separate_audio
from components.core.sound.decoding import Audio
from components.separate.recording.stem_estimation import estimate_stems
from components.shadow.__main__ import make_listening_page
from components.shadow.candidates import Candidate, SeparateSection, load_pair
from components.shadow.config import ShadowConfig
from components.shadow.excerpts import draw_excerpts
from components.shadow.key import Key
from components.shadow.shadow import shadow
from components.shadow.stem_files import quantize, quantize_stems
from tests.support.step_commands import run_command
from tests.support.tiny_models import ROOT, TARGETS, noise, save_tiny_model

SECTION = SeparateSection(post=PostProcessing(), precision="auto")

Pair = tuple[Candidate, Candidate]


def config(**values: object) -> ShadowConfig:
    return ShadowConfig.model_validate(
        {"source": "", "recordings": 5, "seconds": 1.0, "seed": 7, "wait_hours": 1.0, **values}
    )


@pytest.fixture(scope="module")
def made(pair: Pair, catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shadow")
    shadow(config(), pair, str(catalogue), out)
    return out


def samples(path: Path) -> np.ndarray:
    assert soundfile.info(path).subtype == "PCM_24"
    found: np.ndarray = soundfile.read(path, dtype="int32")[0].astype(np.int64)
    return found


def test_stems_of_both_models_add_up_to_the_mixture_sample_by_sample(made: Path) -> None:
    folders = sorted(path for path in (made / "page").iterdir() if path.is_dir())
    assert [folder.name for folder in folders] == ["01", "02", "03"]
    for folder in folders:
        mixture = samples(folder / "mixture.flac")
        both = [sum(samples(folder / f"{target}.{letter}.flac") for target in TARGETS) for letter in "AB"]
        assert np.array_equal(both[0], mixture)
        assert np.array_equal(both[1], mixture)
        assert not np.array_equal(samples(folder / "vocals.A.flac"), samples(folder / "vocals.B.flac"))


def test_key_names_the_model_of_each_letter(made: Path, pair: Pair, catalogue: Path) -> None:
    key = Key.read(made)
    assert (key.challenger.sha256, key.champion.sha256) == tuple(candidate.model.digest for candidate in pair)
    for found, (name, recording) in zip(draw_excerpts(config(), str(catalogue)), key.recordings.items(), strict=True):
        assert (recording.source, recording.sha256) == (found.key, digest_file(catalogue / found.key))
        assert sorted(recording.roles.values()) == ["challenger", "champion"]
        for letter, role in recording.roles.items():
            candidate = next(each for each in pair if each.role == role)
            expected = quantize(candidate.separate(found.audio, found.rate)["vocals"])
            written = samples(made / "page" / name / f"vocals.{letter}.flac") >> 8
            assert np.array_equal(written.reshape(len(expected[0]), -1).T, expected)


def test_candidate_separates_like_the_separate_step(pair: Pair) -> None:
    for channels, rate in ((2, 44100), (1, 22050)):
        mixture = noise(4, rate, channels)
        for candidate in pair:

            def separated(blocks: object, candidate: Candidate = candidate) -> object:
                yield separate_audio(candidate.separator, np.concatenate(list(blocks), axis=1))  # type: ignore[call-overload]

            blocks = estimate_stems(candidate.model, separated, [mixture], rate, channels)  # type: ignore[arg-type]
            expected = np.concatenate(list(blocks), axis=-1)[..., : mixture.shape[1]]
            stems = np.stack(list(candidate.separate(mixture, rate).values()))
            assert np.allclose(stems[..., : expected.shape[-1]], expected, atol=1e-6)


@pytest.mark.slow
def test_same_seed_gives_the_same_bytes_and_other_seeds_give_other_letters(
    made: Path, pair: Pair, catalogue: Path, tmp_path: Path
) -> None:
    shadow(config(), pair, str(catalogue), tmp_path / "again")
    assert digest_folder(tmp_path / "again") == digest_folder(made)
    orders = {
        tuple(_roles(config(seed=seed, recordings=1, seconds=0.1), pair, catalogue, tmp_path)) for seed in range(8)
    }
    assert orders == {("challenger",), ("champion",)}


def _roles(values: ShadowConfig, pair: Pair, catalogue: Path, folder: Path) -> list[str]:
    return [recording.roles["A"] for recording in shadow(values, pair, str(catalogue), folder).recordings.values()]


def test_page_does_not_reveal_the_models(made: Path, pair: Pair) -> None:
    page = (made / "page" / "index.html").read_text(encoding="utf-8")
    for word in ("challenger", "champion", "key.json", *(candidate.model.digest for candidate in pair)):
        assert word not in page
    assert not list((made / "page").rglob("*.json"))
    for file in (made / "page").rglob("*.flac"):
        assert b"cha" not in file.read_bytes()[:4096]
    # the order of writing follows the names, not the models
    for folder in (path for path in (made / "page").iterdir() if path.is_dir()):
        stems = [f"{target}.{letter}.flac" for letter in "AB" for target in sorted(TARGETS)]
        times = [(folder / stem).stat().st_mtime_ns for stem in stems]
        assert times == sorted(times)


def test_excerpt_is_the_loudest_part_and_unplayable_files_are_left_out(
    catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(draw_excerpts(config(), str(catalogue)))
    assert sorted(excerpt.key for excerpt in found) == ["song 0.flac", "song 1.flac", "song 2.flac"]
    assert [round(excerpt.start, 1) for excerpt in found] == [5.0] * 3
    assert [excerpt.audio.shape[1] for excerpt in found] == [excerpt.rate for excerpt in found]
    assert {excerpt.key: excerpt.audio.shape[0] for excerpt in found}["song 2.flac"] == 2
    output = capsys.readouterr().out
    assert "rubbish.wav is left out" in output
    assert "silence.wav is left out: it is silent" in output


def test_short_recording_is_taken_whole(catalogue: Path) -> None:
    found = list(draw_excerpts(config(seconds=60.0), str(catalogue)))
    assert {(excerpt.start, excerpt.audio.shape[1] / excerpt.rate) for excerpt in found} == {(0.0, 8.0)}


def test_new_recording_does_not_change_the_order_of_the_others(catalogue: Path, tmp_path: Path) -> None:
    shutil.copytree(catalogue, tmp_path / "more")
    before = [excerpt.key for excerpt in draw_excerpts(config(), str(catalogue))]
    soundfile.write(tmp_path / "more" / "new.flac", noise(9, 44100).T, 44100)
    after = [excerpt.key for excerpt in draw_excerpts(config(), str(tmp_path / "more"))]
    assert [key for key in after if key != "new.flac"] == before


def test_catalogue_without_music_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="holds no recording that can be played"):
        list(draw_excerpts(config(), str(tmp_path)))


def test_incomparable_models_are_a_user_error(models: Path, tmp_path: Path) -> None:
    champion = str(models / "champion")
    with pytest.raises(UserError, match="are the same model"):
        load_pair(champion, champion, SECTION)
    other = save_tiny_model(tmp_path / "other", targets=("vocals", "drums", "bass"))
    with pytest.raises(UserError, match="name two models of the same stems"):
        load_pair(str(other), champion, SECTION)


@pytest.mark.parametrize("stems", [1, 2, 4])
def test_stems_beyond_full_scale_still_add_up(stems: int) -> None:
    mixture = quantize(noise(1, 1000, level=1.0))
    estimates: dict[str, Audio] = {str(number): noise(number, 1000, level=3.0) for number in range(stems)}
    estimates["0"][0, 0] = np.nan
    found = quantize_stems(mixture, estimates)
    assert np.array_equal(np.sum(list(found.values()), axis=0, dtype=np.int64), mixture)
    assert max(np.abs(stem.astype(np.int64)).max() for stem in found.values()) <= 1 << 23


@pytest.mark.slow
def test_command_writes_the_page(
    models: Path, catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("seconds: 20.0", "seconds: 1.0")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = ["--challenger", str(models / "challenger"), "--source", str(catalogue), "--out", "out"]
    run_command(make_listening_page, *command, "--champion", str(models / "champion"))
    assert "3 recordings to listen to at file://" in capsys.readouterr().out
    assert list(Key.read(tmp_path / "out").recordings) == ["01", "02", "03"]
    with pytest.raises(SystemExit, match="2"):
        run_command(make_listening_page, *command, "--champion", "nowhere")
    assert "nowhere is not a model" in capsys.readouterr().err
