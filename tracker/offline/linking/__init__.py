"""Links the pieces of tracks again, with what is known before and after each cut."""
