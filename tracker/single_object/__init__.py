"""Single-object tracking: an object given by a box is followed through all frames, without a detector.

`search_region` crops the frame around a position and passes it through the frozen CNN and the localiser, which finds
the object of a template there; `tracker` follows one object with them; `manager` holds all objects of a run.
"""
