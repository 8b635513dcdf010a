"""What the architectures are built on: separators around networks, and guards and choices that they share."""
