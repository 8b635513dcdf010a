"""Checks of the project folder: parameters, git and DVC."""
