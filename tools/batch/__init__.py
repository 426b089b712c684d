"""Folders of recordings: `liquidtrack batch`."""
