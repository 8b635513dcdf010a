"""Tables, pictures and pages of a comparison."""
