"""The temporal head's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import SEEDS, check_ranges
from models.errors import ConfigError

CELLS = ("cfc-leaky", "cfc", "mixed-cfc", "gru-dt", "none")  # what the engine runs
WIRED = ("cfc", "mixed-cfc")
LONG = 1e6  # seconds
TAIL = 3.0  # degrees of freedom of a prediction's error, of which the std is the scale; 1.8 to 3.1 on real detections


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """What a head is made of.

    Attributes:
        cell: the recurrent cell: cfc-leaky, cfc, mixed-cfc (a gated memory beside it), gru-dt, or none for a head
            without memory. cfc and mixed-cfc are wired as an NCP.
        units: numbers of the state of one track.
        motor: of a wired cell's, the neurons of the last layer.
        query: numbers of the answer to a query.
        hidden: width of the pair network.
        code: numbers by which a pair speaks to the others of its row and column.
        rounds: of competition.
        habits: whether it is told of slow averages, ages and the last match's crowding; without a cell and without
            these it has no memory but its prior's.
        time_unit: seconds that count as 1 in the cell's own time; with 1 a frame's 0.04 hardly reached the state.
        slowing: seconds after a match around which a query's own time slows down, as slowing * log(1 + t / slowing): a
            track that is lost keeps what it knew; 0 for time as it is.
        alike: log-odds for a unit of cosine that the tracker adds to the learned ones, 0 for none: what a head learns
            of likenesses from simulated looks is too little for real ones (`docs/decisions`).
        horizon: seconds over which a wired CfC's gates are spread before training (`liquid.CfC`); 0: all begin near 0.
        seed: of the wiring and the first weights.
    """

    cell: str = "cfc-leaky"
    units: int = 48
    motor: int = 12
    query: int = 20
    hidden: int = 56
    code: int = 12
    rounds: int = 2
    habits: bool = True
    time_unit: float = 0.1
    slowing: float = 0.3
    alike: float = 0.0
    horizon: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ConfigError(f"cell is {self.cell!r}; give {', '.join(CELLS)}.")
        sizes = {"units": 1024, "query": 1024, "hidden": 4096, "motor": 1024}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"code": (0, 256), "rounds": (0, 16)})
        check_ranges(self, {"time_unit": (1e-6, LONG), "slowing": (0, LONG), "horizon": (0, LONG)})
        check_ranges(self, {"alike": (-1000, 1000), "seed": SEEDS})
        if self.cell in WIRED and self.motor > self.units - 2:
            raise ConfigError(f"motor is {self.motor}; give 2 less than the {self.units} units, or fewer.")

    @property
    def state(self) -> int:
        """Numbers that are kept for a track: the units, and behind them the mixed memory's where there is one."""
        return 2 * self.units if self.cell == "mixed-cfc" else self.units
