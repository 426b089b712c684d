"""Names of what the page keeps in a project beside the tracks."""

from __future__ import annotations

STATE = "annotate/state"  # new, work or done
FRAMES = "annotate/frames"  # list of frames, and where they lie in the video
UNTRACKED = "annotate/untracked"  # there while the video is still to be tracked
MADE_WITH = "annotate/detecting/made_with"  # settings of detections that are not complete
DETECTING = "annotate/detecting/{:06d}"  # their chunks
