"""The learned motion and association: the liquid head at run time."""
