"""Saliency: the salient object of an image."""
