"""From a trained model to a live one: register, gate, approval and promotion."""
