"""What each architecture is, and its typed parameters: one file each, named like the architecture, without torch."""
