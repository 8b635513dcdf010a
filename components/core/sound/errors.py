"""The errors of a file that can't be decoded."""

from pathlib import Path

from components.core.base.errors import UserError


class DecodingError(UserError):
    """A file that no decoder can read; a retry cannot help. `reason` says why, without the name of the file."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)  # both, so that it can be sent from process to process
        self.reason = reason

    def __str__(self) -> str:
        return "{} is not readable audio: {}".format(*self.args)


class DamagedFile(DecodingError):  # noqa: N818 (a finding)
    """A file that holds less than its header promises, or other samples than its checksum says."""

    def __str__(self) -> str:
        return "{}: {}".format(*self.args)
