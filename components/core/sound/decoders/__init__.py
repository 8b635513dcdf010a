"""The decoders: libsndfile in this process, ffmpeg in a process of its own."""
