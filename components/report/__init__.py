"""report: one page that shows a person the result of a whole run. It reads what the other steps left, and no more."""
