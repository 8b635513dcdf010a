"""Checks of the project folder: params.yaml, git and DVC's locks."""
