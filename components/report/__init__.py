"""report: one page for people who open no UI: what the stores say, and the last run. It reads, and no more."""
