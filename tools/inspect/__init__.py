"""A look inside the liquid head: `liquidtrack inspect`."""
