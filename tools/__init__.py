"""What people run: the command line, windows, drawing, demo, evaluation, benchmarks."""
