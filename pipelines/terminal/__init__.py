"""The command `stemline`."""
