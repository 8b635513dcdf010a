"""The description and the typed parameters of each architecture: one file each, with its name, without torch."""
