"""report: writes one page for people who open no other UI: the live model, its history, and the last run.

It reads MLflow, the journal and the workspace, and changes nothing.
"""
