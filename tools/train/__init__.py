"""Training, fitting and simulation: `liquidtrack train`, `fit`, `simulate`."""
