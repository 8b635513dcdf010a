"""The step `evaluate`: museval scores of a model over the test split, between the mixture and an oracle."""
