"""The containers of recordings: the length, start, parts, channels and damage that their headers state."""
