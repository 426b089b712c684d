"""The association head's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import SEEDS, check_ranges
from models.errors import ConfigError

CELLS = ("cfc-leaky", "cfc", "mixed-cfc", "gru-dt", "none")  # the cells that the engine runs
MODES = ("package", "simulated")  # sets of constants of the Kalman filter under the head
WIRED = ("cfc", "mixed-cfc")
LONG = 1e6  # seconds
# degrees of freedom of a prediction's error, of which the std is the scale; 1.8 to 3.1 on real detections
STUDENT_T_DOF = 3.0


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """What an association head is made of.

    Attributes:
        cell: recurrent cell. mixed-cfc has a gated memory beside it; none is a head without memory; cfc and mixed-cfc
            are wired as a neural circuit policy (NCP).
        units: size of the state of one track.
        motor: motor neurons of a wired cell, in its last layer.
        query_size: size of the answer to a query.
        hidden: width of the pair network.
        message_size: size of the message between competing pairs. A (track, detection) pair sends it to the pairs that
            share its track or detection.
        message_rounds: rounds of message passing.
        track_statistics: use track statistics: slow averages, ages, crowding at the last match. A head without a cell
            and without these has no memory but that of the Kalman prior.
        time_unit: seconds that count as 1 in the cell's own time. With 1 a frame interval of 0.04 s hardly changed the
            state.
        slowing: seconds after a match from which the time of a query slows down, 0 for never. As slowing * log(1 + t /
            slowing): a lost track keeps what it knew.
        similarity_weight: weight of appearance similarity, log-odds for a unit of cosine. Added by the tracker to the
            learned log-odds; what a head learns from simulated embeddings is too little for real ones.
        horizon: seconds over which the gates of a wired cell are spread before training. 0: all begin near 0.
        weights_seed: seed of the wiring and of the first weights.
        motion_modes: constants of the Kalman filter under the head. package: fitted on research data; simulated:
            fitted on simulated scenes alone.
    """

    cell: str = "cfc-leaky"
    units: int = 48
    motor: int = 12
    query_size: int = 20
    hidden: int = 56
    message_size: int = 12
    message_rounds: int = 2
    track_statistics: bool = True
    time_unit: float = 0.1
    slowing: float = 0.3
    similarity_weight: float = 0.0
    horizon: float = 0.0
    weights_seed: int = 0
    motion_modes: str = "package"

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(f"cell is {self.cell!r}; give {', '.join(CELLS)}.")
        if self.motion_modes not in MODES:
            raise ConfigError(f"motion_modes is {self.motion_modes!r}; give {' or '.join(MODES)}.")
        sizes = {"units": 1024, "query_size": 1024, "hidden": 4096, "motor": 1024}
        check_ranges(
            self,
            {name: (1, most) for name, most in sizes.items()} | {"message_size": (0, 256), "message_rounds": (0, 16)},
        )
        check_ranges(self, {"time_unit": (1e-6, LONG), "slowing": (0, LONG), "horizon": (0, LONG)})
        check_ranges(self, {"similarity_weight": (-1000, 1000), "weights_seed": SEEDS})
        if self.cell in WIRED and self.motor > self.units - 2:
            raise ConfigError(f"motor is {self.motor}; give 2 less than the {self.units} units, or fewer.")

    @property
    def state(self) -> int:
        """Size of a track's state: the units, followed by the mixed memory if there is one."""
        return 2 * self.units if self.cell == "mixed-cfc" else self.units
