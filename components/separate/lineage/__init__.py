"""From a stem back to its recording, model, data and code."""
