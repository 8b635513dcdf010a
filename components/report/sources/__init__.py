"""Readers of the files and stores that the report shows."""
