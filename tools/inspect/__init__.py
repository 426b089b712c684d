"""Analysis of the liquid head: `liquidtrack inspect`."""
