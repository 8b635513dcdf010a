"""The step: write mixtures of held-back tracks as FLAC files."""

from pathlib import Path

import soundfile

from components.catalogue.config import CatalogueConfig
from components.core.base.files import whole_file
from components.core.data.manifest import Track, read_manifest, read_mixture


def write_catalogue(config: CatalogueConfig, data: Path, out: Path) -> list[Path]:
    """Write the first recordings of the test and validation splits to `out`, and delete other FLAC files there.

    A file has the name of its track. An existing file is kept.
    """
    tracks = [*read_manifest(data, "test"), *read_manifest(data, "validation")][: config.recordings]
    files = {out / f"{Path(track.name).name}.flac": track for track in tracks}
    for old in set(out.glob("*.flac")) - files.keys():
        old.unlink()
    for path, track in files.items():
        if not path.is_file():
            _write_mixture(config, track, path)
    return list(files)


def _write_mixture(config: CatalogueConfig, track: Track, path: Path) -> None:
    mixture = read_mixture(track, config.rate, config.channels)
    with whole_file(path) as partial:
        soundfile.write(partial, mixture.T, config.rate, "PCM_16")
