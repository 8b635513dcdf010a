"""Separate a sample of a catalogue with challenger and champion, and make the page to listen to both."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from components.core.sound.balance import decibels
from components.shadow.blinding import ordered, page_name
from components.shadow.candidates import Candidate
from components.shadow.config import ShadowConfig
from components.shadow.excerpts import Excerpt, excerpts
from components.shadow.key import KEY_FILE, HeardRecording, Key, Letter
from components.shadow.page import PageRecording, write_page
from components.shadow.writing import Steps, add_up, in_steps, write_flac

PAGE = "page"


def shadow(config: ShadowConfig, pair: tuple[Candidate, Candidate], source: str, out: Path) -> Key:
    """Write page and key to `out`; an older page there is replaced, and has no key meanwhile."""
    (out / KEY_FILE).unlink(missing_ok=True)
    recordings, heard = [], {}
    for number, excerpt in enumerate(excerpts(config, source), start=1):
        name = f"{number:02d}"
        order = ordered(config, pair, excerpt)
        # both before any is written: files tell when they were made
        made = {letter: candidate.stems(excerpt.audio, excerpt.rate) for letter, candidate in order.items()}
        levels = _write(out / PAGE / name, excerpt, made)
        roles = {letter: candidate.role for letter, candidate in order.items()}
        heard[name] = HeardRecording(
            source=excerpt.key, sha256=excerpt.sha256, start=excerpt.start, roles=roles, level_db=levels
        )
        recordings.append(_on_page(name, excerpt, pair[0].model.targets))
    key = Key(
        page=page_name(config, pair, heard),
        challenger=pair[0].side,
        champion=pair[1].side,
        recordings=heard,
    )
    write_page(out / PAGE / "index.html", key.page, recordings)
    key.write(out)
    return key


def _write(folder: Path, excerpt: Excerpt, made: Mapping[Letter, Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Write mixture and stems; return how much louder A's stems are than B's, in dB."""
    mixture = in_steps(excerpt.audio)
    write_flac(folder / "mixture.flac", mixture, excerpt.rate)
    stems = {letter: add_up(mixture, estimates) for letter, estimates in made.items()}
    for letter in sorted(stems):
        for target in sorted(stems[letter]):
            write_flac(folder / f"{target}.{letter}.flac", stems[letter][target], excerpt.rate)
    return {target: round(_level(stem) - _level(stems["B"][target]), 2) for target, stem in stems["A"].items()}


def _level(stem: Steps) -> float:
    return decibels(float(np.square(stem, dtype=np.float64).mean()))


def _on_page(name: str, excerpt: Excerpt, targets: tuple[str, ...]) -> PageRecording:
    seconds = excerpt.audio.shape[1] / excerpt.rate
    stems = {target: {letter: f"{name}/{target}.{letter}.flac" for letter in ("A", "B")} for target in targets}
    return PageRecording(name, excerpt.key, excerpt.start, seconds, f"{name}/mixture.flac", stems)
