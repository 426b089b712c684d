"""Evidence of classes over tracks, shared by training and scoring."""
