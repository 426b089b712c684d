"""Mask propagation (semi-supervised video object segmentation): from a first mask, polygon or box to every later frame.

`crop` chooses where to look, `features` what is compared, `memory` is the bounded memory from which labels are read,
`colour_model` and `guided_filter` sharpen outlines, `occlusion` keeps hidden parts, `redetection` finds lost objects,
`initial_mask` makes the first mask, `propagation` is the loop over frames, `stage` its place in the pipeline.
"""
