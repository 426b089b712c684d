"""Point and track: an object that somebody drew a box around, found again in every frame without a detector.

`view` cuts the frame around a place and passes it through the frozen CNN; `filter` tells object from background by a
ridge regression that is solved on the job; `refine` corrects the box by another one; `follower` follows one object with
them; `pointer` keeps all pointed objects of a run beside the engine's tracks.
"""
