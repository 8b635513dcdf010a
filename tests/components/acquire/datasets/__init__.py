"""Tests of the datasets, one module each."""
