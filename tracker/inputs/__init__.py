"""Conversion of data from other libraries and plain Python to the package's structs."""
