"""Recordings as samples and spectra: decoding, the STFT, and the features of a recording."""
