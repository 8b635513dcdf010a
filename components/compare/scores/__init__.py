"""The scores of all systems, and the statistics of their differences."""
