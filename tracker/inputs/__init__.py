"""What other libraries and plain Python hand over, as our own structs."""
