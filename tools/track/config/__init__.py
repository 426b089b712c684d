"""Settings of the everyday commands. Light: nothing heavy is imported."""
