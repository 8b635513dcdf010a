"""tracks.csv in a user's folder: what the names of tracks do not tell: artist, title, split, genre."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from components.acquire.files.names import clean, key
from components.core.base.errors import UserError
from components.core.data.data_problems import Kind, Problem
from components.core.data.manifest import SPLITS

TABLE = "tracks.csv"
_COLUMNS = ("track", "artist", "title", "split", "genre")


@dataclass(frozen=True)
class Row:
    """What the table says of a track; empty where it says nothing."""

    artist: str = ""
    title: str = ""
    split: str = ""
    genre: str = ""


@dataclass(frozen=True)
class FolderTable:
    """The rows of tracks.csv by track."""

    rows: Mapping[str, Row]

    def row(self, track: str) -> Row:
        """Return the row of the track (folder or file) called `track`, an empty one where there is none."""
        return self.rows.get(key(track), Row())

    def unmatched(self, tracks: Iterable[str]) -> list[Problem]:
        """Return a problem for every row whose track is not there."""
        there = {key(track) for track in tracks}
        return [
            Problem(f"folder/{track}", "folder", "", Kind.NOT_A_TRACK, f"{TABLE} names it, but it is not there", False)
            for track in sorted(self.rows.keys() - there)
        ]


def read_table(folder: Path) -> FolderTable:
    """Read `folder`/tracks.csv, columns track, artist, title, split, genre (all but track optional), if it is there.

    Raises UserError when it is no such table.
    """
    path = folder / TABLE
    if not path.is_file():
        return FolderTable({})
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8: {str(error).splitlines()[0]}") from None
    if "track" not in table or not set(table.columns) <= set(_COLUMNS):
        raise UserError(f"{path} has the columns {', '.join(table.columns)}: it may have {', '.join(_COLUMNS)}")
    rows: dict[str, Row] = {}
    for number, record in enumerate(table.to_dict("records"), start=2):
        row = Row(*(clean(str(record.get(column, ""))) for column in _COLUMNS[1:]))
        track = key(str(record["track"]))
        if row.split not in ("", *SPLITS):
            raise UserError(f"{path}, line {number}: split is '{row.split}', but may be {', '.join(SPLITS)} or empty")
        if track in rows:
            raise UserError(f"{path}, line {number}: track '{record['track']}' is there twice; keep one line")
        rows[track] = row
    return FolderTable(rows)
