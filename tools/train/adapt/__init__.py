"""Adaptation of the association head to one camera, from recordings without labels."""
