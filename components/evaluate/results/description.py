"""The description of an evaluation: test.json."""

from collections.abc import Sequence

from components.core.base.files import digest_parts
from components.core.data.evaluation import Evaluation
from components.core.data.manifest import Track
from components.core.models.model_folder import Model
from components.core.tracking.provenance import package_versions

_PACKAGES = ("museval", "numpy", "scipy", "torch")


def describe_evaluation(
    tracks: Sequence[Track], model: Model, merged: tuple[str, ...], window_seconds: float, scorer: str
) -> Evaluation:
    """Describe the scoring of `model`, whose target `other` contains the targets `merged`, on `tracks`."""
    versions = package_versions()
    return Evaluation(
        tracks=tuple(track.name for track in tracks),
        digest=digest_tracks(tracks),
        datasets=tuple(sorted({track.dataset for track in tracks})),
        targets=model.targets,
        merged_into_other=merged,
        rate=model.rate,
        channels=model.channels,
        window_seconds=window_seconds,
        scorer=scorer_label(scorer),
        model=model.digest,
        versions={name: versions[name] for name in _PACKAGES},
    )


def scorer_label(scorer: str) -> str:
    """Return the name and version of the program that computes the scores, as every table shows it."""
    package = "museval" if scorer == "museval" else "stemline"
    return f"BSS Eval v4 by {package} {package_versions()[package]}"


def digest_tracks(tracks: Sequence[Track]) -> str:
    """Return a SHA-256, in hex, of the tracks' names, splits and stems' audio; their folders do not matter."""
    return digest_parts(
        "\t".join((track.name, track.split, stem.stem, str(stem.stream), stem.sha256))
        for track in sorted(tracks, key=lambda track: track.name)
        for stem in sorted(track.stems.values(), key=lambda stem: stem.stem)
    )
