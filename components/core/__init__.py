"""The ground floor: what more than one step needs. Nothing in here imports a step."""
