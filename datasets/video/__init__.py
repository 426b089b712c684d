"""Video output: the encoder, the audio track, the output file."""
