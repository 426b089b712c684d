"""Settings of `liquidtrack train` and `fit`. Light: nothing heavy is imported."""
