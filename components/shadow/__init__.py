"""shadow: challenger and champion on the same few recordings, for a person to listen to without knowing who is who.

In: two models, and a catalogue. Out: a folder with

    page/index.html, page/01/ …   to hand to a listener: excerpts, their stems named A and B, a choice for each
    key.json                      which model is A of which recording; the page neither holds nor loads it
    listening.json                after `python -m components.shadow.unblind`: what the listener preferred
"""
