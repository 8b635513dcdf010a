"""What the container of a recording says of it: its length and start, its parts, its channels, its damage."""
