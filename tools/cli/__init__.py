"""The command line: commands, settings, messages, faults, completion."""
