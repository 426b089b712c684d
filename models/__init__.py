"""The networks: frozen backbones, their weights, detector heads, liquid cells.

Pure tensors in, pure tensors out; no label files and no video live here.
"""
