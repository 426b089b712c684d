"""The link head: log-odds that one piece of a track continues another, in torch and in NumPy."""
