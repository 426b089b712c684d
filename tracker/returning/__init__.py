"""Identities that come back: who was seen before, how alike two of them are, and the stage that gives old ids again."""
