"""The metrics of BSS Eval, in the order of every score file, table and picture."""

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""Ratios of a target to distortion, interference, artefacts and spatial distortion, in dB (Vincent et al.)."""
