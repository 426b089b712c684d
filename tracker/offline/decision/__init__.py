"""One optimum over all candidate links, and how sure each of its decisions is."""
