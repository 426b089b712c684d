"""Where the tasks of `liquidtrack batch` run: own processes, a Dask cluster, or an executor of the user's.

Nothing here knows about recordings. A task is any value that can be pickled; what it leaves behind is in files.
"""
