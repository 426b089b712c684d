"""Mask propagation (semi-supervised video object segmentation): from a first mask, polygon or box to every later frame.

`crop` cuts the square around an object, `features` computes the features of its cells, `memory` is the bounded memory
that labels are read from. `colour_model` and `guided_filter` refine outlines, `occlusion` keeps occluded parts,
`redetection` finds lost objects, `initial_mask` makes the first mask. `estimate` is one object, `propagation` the loop
over frames, `stage` its place in the pipeline.

`outlines` gives every track a mask from its detected boxes: `sights` judges boxes, `turns` shares the time of a frame,
`moved` moves a mask with its box until it is estimated again.
"""
