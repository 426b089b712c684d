"""Nothing of the user's is overwritten unasked: the guard, its manifest and its locks."""
