"""A workspace as a finished run leaves it, and a parser of the page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import soundfile

from components.core.base.files import write_json, write_text
from components.core.data.evaluation import Evaluation
from components.core.data.stem_provenance import ModelUsed, Provenance, SourceFile, StemFile, StemOptions
from components.report.report import write_report

RATE = 8000
STRANGE = "albums/\"A\" & 'B' <script>alert(1)</script>/01 – Ça va?#50% 曲 أغنية.flac"


def make_workspace(folder: Path) -> Path:
    """Write what a finished run leaves behind, as far as the page reads it."""
    write_json(
        folder / "gate" / "verdict.json",
        {
            "name": "vocal-isolation",
            "version": 3,
            "passed": True,
            "rule": "first champion",
            "reasons": ["vocals: +9.41 dB SDR over the mixture (median of 2 tracks)", "<b>bold</b>"],
        },
    )
    version = {"name": "vocal-isolation", "version": 3, "run_id": "run0123", "sha256": "ab" * 32}
    write_json(folder / "register" / "version.json", version)
    write_text(
        folder / "evaluate" / "table.csv",
        "system,target,SDR,ISR,SIR,SAR,tracks,unscored,frames,nan_frames\n"
        "model,vocals,4.03,7.1,9.2,5.5,2,0,14,3\n"
        "mixture,vocals,-5.38,20.0,-5.1,40.0,2,0,14,3\n"
        "irm2,vocals,9.9,17.0,19.0,,2,1,14,3\n",
    )
    test = Evaluation(
        tracks=("a", "b"), digest="d1" * 32, datasets=("musdb18-7s",), targets=("vocals", "accompaniment"), rate=RATE,
        channels=1, window_seconds=1.0, model="ab" * 32,
    )  # fmt: skip
    test.write(folder / "evaluate")
    write_text(folder / "evaluate" / "pictures" / "SDR.png", "")
    write_text(folder / "evaluate" / "pictures" / "spectrograms.png", "")
    rows = "100,0.09,-3.1,5.1\n200,0.05,2.2,7.3\n300,0.04,2.1,7.1\n"
    write_text(folder / "train" / "curves.csv", "step,loss,vocals_sdr,accompaniment_sdr\n" + rows)
    summary = {
        "tracks": {"train": 80, "validation": 12, "test": 25},
        "artists": {"train": 70, "validation": 11, "test": 23},
        "minutes": {"train": 9.3, "validation": 1.4, "test": 2.9},
        "datasets": {"demo": {"train": 80, "validation": 12, "test": 25}},
        "left_out": {"tracks": 2, "silent": 2},
        "warnings": {"wrong_length": 4},
    }
    write_json(folder / "acquire" / "summary.json", summary)
    write_text(
        folder / "acquire" / "problems.csv",
        "track,dataset,stem,problem,detail,used\n"
        "<i>NA</i>,demo,vocals,silent,no sound,False\n"
        "other,demo,,clipped,,True\n",
    )
    for key in ("song.wav", STRANGE):
        make_recording(folder / "separate" / key, key)
    return folder


def make_recording(folder: Path, key: str, subtype: str = "PCM_16", seconds: float = 4.0) -> None:
    """Write a separated recording: two stems and their provenance."""
    folder.mkdir(parents=True, exist_ok=True)
    time_axis = np.arange(int(RATE * seconds)) / RATE
    for name, hertz in (("vocals", 330), ("accompaniment", 110)):
        soundfile.write(folder / f"{name}.wav", 0.3 * np.sin(2 * np.pi * hertz * time_axis), RATE, subtype)
    source = SourceFile(
        store="masters", key=key, bytes=1, stamp="1", sha256="5c" * 32, samples=int(RATE * seconds), rate=RATE,
        channels=1, subtype=subtype,
    )  # fmt: skip
    model = ModelUsed(
        name="vocal-isolation", version=3, sha256="ab" * 32, network={"name": "unet"}, run_id="run0123", git_commit="c1"
    )
    targets = ("accompaniment", "vocals")
    options = StemOptions(format="wav", post={"method": "native"}, precision="fp32", stems=targets)
    stems = {name: StemFile(file=f"{name}.wav", sha256="00" * 32) for name in targets}
    Provenance(source=source, model=model, options=options, stems=stems, code="c2-dirty").write(folder)


class Page(HTMLParser):
    """The page as a browser sees it: its text, its tags, and what they point to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.tags: list[str] = []
        self.links: list[str] = []
        self._texts: list[str] = []
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.text = re.sub(r"\s+", " ", " ".join(self._texts))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value is not None]

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    @property
    def files(self) -> list[Path]:
        """The files that the page points to."""
        outside = [link for link in self.links if not link.startswith(("#", "data:"))]
        return [self.path.parent / unquote(link) for link in outside]


def page_of(workspace: Path) -> Page:
    return Page(write_report(workspace, workspace / "separate", workspace / "report"))
