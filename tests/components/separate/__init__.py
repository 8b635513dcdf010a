"""Tests of `separate`."""
