"""Checks of this machine: software, devices, memory, disk."""
