"""Models as folders and as registered versions."""
