"""Learned motion and association: the liquid head at run time, its features, its online calibration."""
