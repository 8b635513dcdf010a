"""The datasets of `acquire`, one module each."""
