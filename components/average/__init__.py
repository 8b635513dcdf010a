"""The step `average`: one model from several trainings of the same network."""
