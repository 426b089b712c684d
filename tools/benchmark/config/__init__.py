"""Settings of `liquidtrack bench`. Light: nothing heavy is imported."""
