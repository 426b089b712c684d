"""Single-object tracking: an object given by a box is found again in every frame, without a detector.

`search_region` cuts the frame around a place and passes it through the frozen CNN; `correlation_filter` separates
object and background by a ridge regression solved online; `box_refinement` corrects the box by another one;
`confidence` says how likely the place is the object; `tracker` follows one object with them; `manager` keeps all of a
run.
"""
