"""Frozen ImageNet networks by name (`registry.BACKBONES`); the torch definitions load when one is built."""
