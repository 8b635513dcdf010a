"""Tests of the ground floor, and what the tests of the steps share."""
