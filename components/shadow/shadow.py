"""Separate a sample of a catalogue with challenger and champion, and write the page for blind listening."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from components.core.sound.decoding import Audio
from components.core.sound.recording_features import to_decibels
from components.shadow.blinding import assign_letters, name_page
from components.shadow.candidates import Candidate
from components.shadow.config import ShadowConfig
from components.shadow.excerpts import Excerpt, draw_excerpts
from components.shadow.key import Key, KeyRecording, Letter
from components.shadow.page import PageRecording, write_page
from components.shadow.stem_files import Samples24, quantize, quantize_stems, write_flac

PAGE_FOLDER = "page"


def shadow(config: ShadowConfig, pair: tuple[Candidate, Candidate], source: str, out: Path) -> Key:
    """Write page and key to `out`; return the key.

    An older page there is replaced; there is no key until the new page is whole.
    """
    (out / Key.FILE).unlink(missing_ok=True)
    page_recordings, key_recordings = [], {}
    for number, excerpt in enumerate(draw_excerpts(config, source), start=1):
        name = f"{number:02d}"
        letters = assign_letters(config, pair, excerpt)
        # both models separate before any file is written: the times of the files must not tell which one is slower
        estimates = {letter: candidate.separate(excerpt.audio, excerpt.rate) for letter, candidate in letters.items()}
        levels = _write_sounds(out / PAGE_FOLDER / name, excerpt, estimates)
        roles = {letter: candidate.role for letter, candidate in letters.items()}
        key_recordings[name] = KeyRecording(excerpt.key, excerpt.sha256, excerpt.start, roles, levels)
        page_recordings.append(_page_recording(name, excerpt, pair[0].model.targets))
    key = Key(
        page=name_page(config, pair, key_recordings),
        challenger=pair[0].compared_model,
        champion=pair[1].compared_model,
        recordings=key_recordings,
    )
    write_page(out / PAGE_FOLDER / "index.html", key.page, page_recordings)
    key.write(out)
    return key


def _write_sounds(folder: Path, excerpt: Excerpt, estimates: Mapping[Letter, Mapping[str, Audio]]) -> dict[str, float]:
    """Write mixture and stems; return by target how much louder A's stem is than B's, in dB."""
    mixture = quantize(excerpt.audio)
    write_flac(folder / "mixture.flac", mixture, excerpt.rate)
    stems = {letter: quantize_stems(mixture, estimates[letter]) for letter in estimates}
    for letter in sorted(stems):
        for target in sorted(stems[letter]):
            write_flac(folder / f"{target}.{letter}.flac", stems[letter][target], excerpt.rate)
    return {target: round(_level(stem) - _level(stems["B"][target]), 2) for target, stem in stems["A"].items()}


def _level(stem: Samples24) -> float:
    return to_decibels(float(np.square(stem, dtype=np.float64).mean()))


def _page_recording(name: str, excerpt: Excerpt, targets: tuple[str, ...]) -> PageRecording:
    seconds = excerpt.audio.shape[1] / excerpt.rate
    stems = {target: {letter: f"{name}/{target}.{letter}.flac" for letter in ("A", "B")} for target in targets}
    return PageRecording(name, excerpt.key, excerpt.start, seconds, f"{name}/mixture.flac", stems)
