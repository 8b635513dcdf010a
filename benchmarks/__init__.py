"""Measurements that anyone can make again: `python -m benchmarks.<name>`."""
