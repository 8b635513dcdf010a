"""The tags of a recording (title, artist, cover …), copied to its stems as far as their format can hold them."""
