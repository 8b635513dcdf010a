"""Recordings as samples and spectra: decoding, the STFT, and the balance of a recording."""
