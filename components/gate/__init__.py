"""gate: whether a registered version may become the champion, and why."""
