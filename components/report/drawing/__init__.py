"""Charts, waveforms and numbers as the page shows them."""
