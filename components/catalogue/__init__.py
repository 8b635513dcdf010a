"""catalogue: a few recordings that the network never trained on, as files, to separate and listen to."""
