"""Foundations of every step: errors, files, parameters, processes and progress."""
