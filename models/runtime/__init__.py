"""What runs networks: sessions, the cache of exports, files of weights."""
