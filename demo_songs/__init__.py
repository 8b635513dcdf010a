"""Songs made on the spot: synthetic stems, deterministic from a seed, to train on where no recordings may be used.

What a song is made of is drawn in `score` and `singers`; `voice` (after `phonetics`), `drums`, `bass`, `chords` and
`leads` play it from the blocks in `signals`; `space` and `mix` produce it. Only numpy and scipy are needed; nothing is
read or fetched. From recorded music came only a few statistics, levels and long-term spectra, written out as constants.
"""

from demo_songs.mix import STEMS, render_song
from demo_songs.singers import singer_of, song_title

__all__ = ["STEMS", "render_song", "singer_of", "song_title"]
