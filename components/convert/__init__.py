"""The step `convert`: weights that other projects published, as a model of ours: a folder that every step takes."""
