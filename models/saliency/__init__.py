"""Saliency: what stands out in a picture."""
