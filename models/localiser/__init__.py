"""The localiser: where in a search region the object of a template is, by a network on frozen feature maps.

`config` holds its sizes, `model` its torch definition for training, `inference` runs the exported network.
"""
