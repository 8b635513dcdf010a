"""promote: the version that passed the gate becomes the champion."""
