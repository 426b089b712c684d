"""Masks: from a first mask, polygon or box to the object's pixels in every later frame, whenever that frame comes.

What stands here: the settings, where to look (`crop`), with which features (`features`), the bounded memory that labels
are drawn from (`memory`), edges (`edges`), the first mask (`start`), and the loop over frames (`follower`).
"""
