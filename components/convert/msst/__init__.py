"""Weights of Music-Source-Separation-Training: a YAML file of parameters, and a file of weights."""
