"""Recordings and results that lie elsewhere: what an address names, stores of files (folders, S3, SFTP and whatever
else fsspec opens), and recordings that are read by ranges of bytes instead of being downloaded.
"""
