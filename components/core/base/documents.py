"""Typed JSON documents, which one process or step writes and another reads.

A document is a frozen pydantic model with a format version. Reader and writer import the same class, so they agree on
the keys; a damaged file is one line instead of a traceback.
"""

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from components.core.base.errors import UserError
from components.core.base.files import json_text, write_text


class Document(BaseModel):
    """A JSON document. Subclasses set `FILE`, its name in its folder, and `REMEDY`, the advice when it can't be read.

    `format_version` is written with the document; one without it has version 1. A subclass raises `FORMAT` when it
    changes its fields so that older readers fail.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    FORMAT: ClassVar[int] = 1
    FILE: ClassVar[str] = ""
    REMEDY: ClassVar[str] = "make it again"

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the document `FILE` in `folder`; raises UserError when it is missing or damaged."""
        return cls.read_file(folder / cls.FILE)

    @classmethod
    def read_file(cls, path: Path) -> Self:
        """Read the document at `path`; raises UserError when it is missing or damaged."""
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UserError(f"{path} does not exist: {cls.REMEDY}") from None
        return cls.parse(data, str(path))

    @classmethod
    def parse(cls, data: bytes | str, where: str) -> Self:
        """Read the document from JSON; raises UserError, which names the place `where`, when it is damaged."""
        try:
            values = json.loads(data)
        except ValueError:  # of JSON or UTF-8
            raise UserError(f"{where} is damaged (not valid JSON): {cls.REMEDY}") from None
        return cls.from_values(values, where)

    @classmethod
    def from_values(cls, values: Any, where: str) -> Self:
        """Read the document from parsed JSON; raises UserError when a value is wrong."""
        if not isinstance(values, dict):
            raise UserError(f"{where} is damaged (not a JSON object): {cls.REMEDY}")
        fields = dict(values)
        version = fields.pop("format_version", 1)
        if not isinstance(version, int) or version > cls.FORMAT:
            raise UserError(f"{where} was written by a newer Stemline (format {version}): update this one")
        try:
            # the rules of JSON, not of Python: a list stands for a tuple
            return cls.model_validate_json(json.dumps(fields), strict=True)
        except ValidationError as error:
            raise UserError(f"{where} is damaged ({_first_problem(error)}): {cls.REMEDY}") from None

    def values(self) -> dict[str, Any]:
        """Return the document as JSON values, with its format version."""
        return {"format_version": self.FORMAT, **self.model_dump(mode="json", by_alias=True)}

    def text(self) -> str:
        """Return the document as the readable JSON that is written to its file."""
        return json_text(self.values())

    def write(self, folder: Path) -> None:
        """Write the document as `FILE` in `folder`, completely or not at all."""
        self.write_file(folder / self.FILE)

    def write_file(self, path: Path) -> None:
        """Write the document to `path`, completely or not at all."""
        write_text(path, self.text())


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
