"""One recording: inspected, separated, measured and written."""
