"""The list of a job's recordings, and the plan of the work on them."""
