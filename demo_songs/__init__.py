"""Synthetic songs: stems rendered from a seed, deterministic, to train on without recordings.

`score` and `singers` draw the notes and the voice. `voice` (with `phonetics`), `drums`, `bass`, `chords` and `leads`
play them with the building blocks in `signals`. `space` and `mix` produce the song. Only numpy and scipy are needed,
and no file is read. The only data from recorded music are a few levels and long-term spectra, as constants.
"""

from demo_songs.mix import STEMS, render_song
from demo_songs.singers import singer_of, song_title

__all__ = ["STEMS", "render_song", "singer_of", "song_title"]
