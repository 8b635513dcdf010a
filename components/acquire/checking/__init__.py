"""Checks of the acquired stems: measurements, and the limits that decide whether a track is used."""
