"""The measures of BSS Eval that every score file, table and picture has, in this order."""

METRICS = ("SDR", "SIR", "SAR", "ISR")
"""Of one target, in dB: distortion, interference, artefacts, and the image's spatial distortion (Vincent et al.)."""
