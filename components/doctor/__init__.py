"""Is this set-up fit to run? Every part is looked at on its own, and every finding says what to do about it."""
