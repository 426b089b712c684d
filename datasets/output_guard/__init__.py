"""Protects the user's files from being overwritten: the guard, its manifest and its locks."""
