"""The probability that each decision behind finished tracks is right."""
