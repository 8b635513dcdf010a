"""A sound file that libsndfile reads from beginning to end."""

import soundfile


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile ships no types
    """A file that is read from beginning to end.

    soundfile seeks after every read of a file that can, to where it is already. Of a flac whose header does not say how
    long it is (written to a pipe) that fails.
    """

    def seekable(self) -> bool:
        return False
