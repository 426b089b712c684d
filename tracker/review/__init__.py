"""Questions about finished tracks, most valuable first, and what their answers mean for the solver."""
