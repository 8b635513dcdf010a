"""What became of each recording, in the books of the destination."""
