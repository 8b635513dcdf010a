"""train: a network that takes the targets out of a mixture, from the cached stems."""
