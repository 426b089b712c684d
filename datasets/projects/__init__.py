"""Projects: recordings whose tracks a person corrects, one SQLite file each, with every operation in a journal."""
