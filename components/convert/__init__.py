"""The step `convert`: makes a model folder, which every step takes, from weights that other projects published."""
