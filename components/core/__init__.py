"""The code that more than one step needs. Nothing in here imports a step."""
