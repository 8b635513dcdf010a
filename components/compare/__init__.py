"""The step `compare`: one table of the scores and costs of every system."""
