"""What every step stands on: errors, files, parameters, processes and progress."""
