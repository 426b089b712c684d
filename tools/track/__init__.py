"""The everyday commands: track, render, convert, identify, info, demo, mot."""
