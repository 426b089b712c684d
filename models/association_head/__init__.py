"""The association head: pair log-odds and the liquid state of each track, in torch and in NumPy."""
