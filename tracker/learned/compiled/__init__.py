"""The engine's inner loops in C, built on this machine by `liquidtrack compile`; without it, NumPy does the same."""
