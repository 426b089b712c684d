"""Writing video: the encoder, its audio, its file."""
