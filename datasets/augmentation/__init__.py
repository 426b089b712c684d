"""Training augmentation and pseudo-labels of the detector."""
