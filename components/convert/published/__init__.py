"""Weights that other projects published: their names, and their files on this machine; without importing torch."""
