"""Scores of systems on test tracks."""
