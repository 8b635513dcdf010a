"""Charts, waveforms, links and numbers as the report shows them."""
