"""Shared parts of the architectures: separators around networks, guards and choices."""
