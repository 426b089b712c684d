"""The page in which a person corrects tracks, and the server behind it."""
