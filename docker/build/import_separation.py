#!/usr/bin/env python3
"""Import every module that a separation can need; fails in an image that lacks one of their packages."""

import importlib
import pkgutil

import components.separate

for module in pkgutil.walk_packages(components.separate.__path__, "components.separate."):
    importlib.import_module(module.name)
importlib.import_module("pipelines.server.events")  # reports drift to Prefect's server
