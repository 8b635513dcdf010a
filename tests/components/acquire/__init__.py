"""Tests of the acquire step. A package, so that the names of its modules may also stand elsewhere."""
