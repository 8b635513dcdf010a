"""shadow: makes a blind listening test of two models: a page with their stems of the same excerpts, named A and B.

The step takes two models and a catalogue, and writes a folder:

    page/index.html, page/01/ …   for the listener: excerpts, their stems named A and B, and a choice for each excerpt
    key.json                      which model is A in which recording; the page does not contain it
    listening.json                after `python -m components.shadow.unblind`: which model the listener preferred
"""
