"""catalogue: writes the mixtures of a few test and validation tracks as FLAC files, which `separate` then reads."""
