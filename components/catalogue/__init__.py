"""catalogue: writes a few recordings, unseen in training, as files to separate and to listen to."""
