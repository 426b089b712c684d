"""The runtime of networks: sessions, the cache of exports, files of weights."""
