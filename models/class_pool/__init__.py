"""The class pool: one class out of many views of a track."""
