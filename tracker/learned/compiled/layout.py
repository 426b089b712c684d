"""Where the numbers of a track lie in the arrays that NumPy and C share, and the constants that both use.

`header` is the C file `layout.h`: each number and constant is declared once, in Python.
"""

from __future__ import annotations

from tracker.association import costs, matching
from tracker.learned import association, gating, pair_features
from tracker.motion import kalman_mixture, track_averages

MODES = len(kalman_mixture.MOTION_MODES)
WIDE = 4 * MODES  # coordinates of all modes
SPANS = len(track_averages.SPANS)

# A row of `LiquidMotion`: the time of the last match, x, v, xx, xv, vv (WIDE each), log weights, the last box; then the
# liquid state, the track statistics, and the camera's shift.
ROW_X = 1
ROW_WEIGHT = ROW_X + 5 * WIDE
ROW_LAST = ROW_WEIGHT + MODES
ROW_LIQUID = ROW_LAST + 4

# A row of a prediction.
P_ELAPSED = 0
P_PRIOR, P_PRIOR_STD, P_PRIOR_BOX = 1, 5, 9  # of the filter
P_MEAN, P_STD, P_BOX = 13, 17, 21  # corrected by the head
P_LAST = 25
P_MEANS = 29
P_CROWDING = P_MEANS + 4 * SPANS
P_AGE, P_OCCLUSION, P_NEIGHBOUR = P_CROWDING + 1, P_CROWDING + 2, P_CROWDING + 3
P_STATE = P_CROWDING + 4
P_WIDTH = P_STATE + 5 * WIDE

CONSTANTS = {
    "MODE_DOF": kalman_mixture.STUDENT_T_DOF,
    "MEMORY_S": kalman_mixture.MEMORY_S,
    "SURPRISE": kalman_mixture.SURPRISE,
    "PRESENT": track_averages.PRESENT,
    "COST_DOF": costs.STUDENT_T_DOF,
    "WEAK_SCORE": pair_features.WEAK_SCORE,
    "WEAK_LOGIT": pair_features.WEAK_LOGIT,
    "LATE_START_S": pair_features.LATE_START_S,
    "LOST_AFTER_S": pair_features.LOST_AFTER_S,
    "NEVER_LOGIT": matching.NEVER_LOGIT,
    "UNAMBIGUOUS_LOGIT": association.UNAMBIGUOUS_LOGIT,
    **{
        name: getattr(costs, name)
        for name in (
            "IOU_SLOPE",
            "ALIKE",
            "ALIKE_FROM",
            "MIX_IOU",
            "MIX_BUFFERED",
            "MIX_HEIGHT",
            "MIX_BUFFER",
            "MIX_SCORE",
            "MIX_WAIT",
            "MIX_LEAST",
            "MIX_DENSITY",
        )
    },
    **{
        name: getattr(gating, name)
        for name in ("MIN_LOGIT", "SETTLED", "CLEAR", "MIN_RIVAL_LOGIT", "MAX_UNSEEN_S", "MIN_SCORE")
    },
}


def header() -> str:
    """The text of `layout.h`."""
    places = {name: value for name, value in globals().items() if name.startswith(("ROW_", "P_")) or name in _SIZES}
    numbers = {**places, **{name: float(value) for name, value in CONSTANTS.items()}}
    return "".join(f"#define {name} ({value!r})\n" for name, value in numbers.items())


_SIZES = ("MODES", "WIDE", "SPANS")
