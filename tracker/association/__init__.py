"""Association: costs, gating, assignment, births by evidence, static clutter."""
