"""The runtime of networks: sessions, the cache of exports, weight files."""
