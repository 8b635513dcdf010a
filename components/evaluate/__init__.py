"""The step `evaluate`: scores of a model on the test split, beside the mixture as floor and oracles as ceilings."""
