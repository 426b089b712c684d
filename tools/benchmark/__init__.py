"""Studies: `liquidtrack bench`."""
