"""What a recording says of itself (title, artist, cover …), carried over to its stems, as far as their format holds it.

Recordings come from outside, so tags are read within bounds, and damaged ones are left out: they never fail a stem.
"""

from components.separate.recording.tags.copying import copy_tags, read_tags, write_tags
from components.separate.recording.tags.fields import Cover, Tags

__all__ = ["Cover", "Tags", "copy_tags", "read_tags", "write_tags"]
