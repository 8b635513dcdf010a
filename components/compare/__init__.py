"""The step `compare`: every system in one table, with what stands behind it."""
