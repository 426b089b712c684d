"""Bad inputs and faults against every command: each gets one sentence, soon, and nothing of the user's is lost."""
