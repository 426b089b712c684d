"""Single-object tracking: an object given by a box is followed through all frames, without a detector.

`search_region` crops the frame around a position and passes it through the frozen CNN; `correlation_filter` separates
object and background by a ridge regression solved online; `box_refinement` corrects the box by another one;
`confidence` gives the probability that a position is the object; `tracker` follows one object with them; `manager`
holds all objects of a run.
"""
