"""From a source to tracks, frame by frame: the builder, the stages, and the one loop that runs them in threads."""
