"""train: trains a network that separates a mixture into the targets, from the cached stems."""
