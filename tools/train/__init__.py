"""Training and fitting: `liquidtrack train`, `fit`, `draw`."""
