"""How flows run stages and commands, here or in a clone of the project."""
