"""The table tracks.csv in a user's folder: artist, title, split and genre of the tracks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from components.acquire.files.track_names import clean_name, fold_name
from components.core.base.errors import UserError
from components.core.data.data_problems import Problem, ProblemKind
from components.core.data.manifest import SPLITS

TABLE = "tracks.csv"


@dataclass(frozen=True)
class TrackRow:
    """A row of the table; a value that it does not give is empty."""

    artist: str = ""
    title: str = ""
    split: str = ""
    genre: str = ""


_TRACK = "track"
_COLUMNS = (_TRACK, *(field.name for field in fields(TrackRow)))


@dataclass(frozen=True)
class FolderTable:
    """The rows of tracks.csv by track."""

    rows: Mapping[str, TrackRow]

    def row(self, track: str) -> TrackRow:
        """Return the row of the track (folder or file) called `track`; an empty row where there is none."""
        return self.rows.get(fold_name(track), TrackRow())

    def unmatched(self, tracks: Iterable[str]) -> list[Problem]:
        """Return a problem for every row whose track is not in the folder."""
        detail = f"{TABLE} has a row for it, but the folder has no such track"
        return [
            Problem(f"folder/{track}", "folder", "", ProblemKind.NOT_A_TRACK, detail, used=False)
            for track in sorted(self.rows.keys() - set(map(fold_name, tracks)))
        ]


def read_table(folder: Path) -> FolderTable:
    """Read `folder`/tracks.csv, if it exists: the column `track`, and any of artist, title, split and genre.

    Raises UserError when the file is no such table.
    """
    path = folder / TABLE
    if not path.is_file():
        return FolderTable({})
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8 ({str(error).splitlines()[0]}): save it as one") from None
    if _TRACK not in table or not set(table.columns) <= set(_COLUMNS):
        raise UserError(f"{path} has the columns {', '.join(table.columns)}: name them {', '.join(_COLUMNS)}")
    rows: dict[str, TrackRow] = {}
    for number, record in enumerate(table.to_dict("records"), start=2):
        row = TrackRow(*(clean_name(str(record.get(column, ""))) for column in _COLUMNS[1:]))
        track = fold_name(str(record[_TRACK]))
        if row.split not in ("", *SPLITS):
            raise UserError(f"{path}, line {number}: split is '{row.split}': write {', '.join(SPLITS)} or nothing")
        if track in rows:
            raise UserError(f"{path}, line {number}: a second line for the track '{record[_TRACK]}': keep one")
        rows[track] = row
    return FolderTable(rows)
