"""Saliency: what stands out in an image."""
