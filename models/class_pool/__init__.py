"""The class pool: one class probability from many views of a track."""
