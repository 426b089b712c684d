"""Settings of `liquidtrack eval`. Light: nothing heavy is imported."""
