"""The processes that separate recordings."""
