"""What people write, checked once at the border: paths, seconds, limits, printable text."""
