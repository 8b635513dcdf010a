"""promote: makes the version that passed the gate the champion, and goes back to an earlier one.

journal_and_aliases.py writes the journal, then moves the registry's aliases to what the journal says.
"""
