"""Which recordings a job has, and what is to do for each."""
