"""Simulated training data: detectors, occlusion, embeddings, cameras, driving."""
