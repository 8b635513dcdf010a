"""Provenance files of all versions of Stemline can be read."""

import json
from typing import Any

from components.core.data.stem_provenance import Provenance

OLD: dict[str, Any] = {
    "code": "c0de",
    "features": {"crest": 10.0},
    "figures": {"clipped": 3, "peak_db": -1.5},
    "format": {"instead_because": "", "subtype": "PCM_16"},
    "machine": {"machine": "x86_64"},
    "model": {
        "git_commit": None,
        "name": "vocal-isolation",
        "network": {"name": "unet"},
        "run_id": "0123",
        "sha256": "m0del",
        "targets": ["vocals", "accompaniment"],
        "version": 7,
    },
    "options": {"format": "wav", "post": {"method": "native"}, "precision": "fp32", "stems": ["vocals"]},
    "packages": {"torch": "2"},
    "source": {
        "bytes": 1,
        "channels": 2,
        "key": "a.wav",
        "rate": 44100,
        "samples": 100,
        "samples_sha256": "5amples",
        "sha256": "f1le",
        "stamp": "1",
        "store": "music",
        "subtype": "PCM_16",
    },
    "stems": {"vocals": {"clipped": 0, "file": "vocals.wav", "sha256": "5tem"}},
}
"""A file of version 0.1, which has no `format_version`."""


def _read(values: dict[str, Any]) -> Provenance:
    return Provenance.from_values(values, "provenance.json")


def test_provenance_without_a_format_version_stays_the_same() -> None:
    newer = {
        "source": {**OLD["source"], "decoder": ""},
        "model": {**OLD["model"], "converted_from": "", "files": {}, "members": []},
    }
    assert _read(OLD).values() == {"format_version": 1, **OLD, **newer}
    assert json.dumps(_read(OLD).values()["figures"]) == '{"clipped": 3, "peak_db": -1.5}'


def test_provenance_ignores_unknown_keys() -> None:
    newer = {**OLD, "mood": "sad", "source": {**OLD["source"], "colour": "red"}}
    assert _read(newer) == _read(OLD)


def test_keys_of_newer_formats_are_empty() -> None:
    source = {name: value for name, value in OLD["source"].items() if name not in ("samples_sha256", "subtype")}
    first = {name: OLD[name] for name in ("code", "model", "options", "stems")} | {"source": source}
    assert (_read(first).figures, _read(first).picture) == ({}, "")


def test_provenance_names_the_picture_if_there_is_one() -> None:
    assert _read({**OLD, "picture": "p.png"}).values()["picture"] == "p.png"


def test_settings_do_not_depend_on_the_address_of_the_model() -> None:
    renamed = {**OLD, "model": {**OLD["model"], "name": "other", "version": 9}}
    assert _read(OLD).settings.makes_same_stems(_read(renamed).settings)


def test_settings_change_with_model_and_options() -> None:
    model = {**OLD, "model": {**OLD["model"], "sha256": "other"}}
    option = {**OLD, "options": {**OLD["options"], "format": "flac"}}
    unknown = {**OLD, "options": {**OLD["options"], "dither": True}}
    for other in (model, option, unknown):
        assert not _read(OLD).settings.makes_same_stems(_read(other).settings)


def test_parameter_that_is_none_is_as_if_absent() -> None:
    network = {**OLD["model"]["network"], "later": None}
    newer = {**OLD, "model": {**OLD["model"], "network": network}}
    assert _read(OLD).settings.makes_same_stems(_read(newer).settings)
    other = {**OLD, "model": {**OLD["model"], "network": {**network, "later": 1}}}
    assert not _read(OLD).settings.makes_same_stems(_read(other).settings)


def test_none_in_a_member_of_an_ensemble_is_as_if_absent() -> None:
    old, new = (
        {**OLD, "model": {**OLD["model"], "network": {"name": "ensemble", "members": [{"network": network}]}}}
        for network in ({"name": "spleeter"}, {"name": "spleeter", "level_range": None})
    )
    assert _read(old).settings.makes_same_stems(_read(new).settings)
