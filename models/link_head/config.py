"""The link head's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import SEEDS, check_ranges


@dataclass(frozen=True, slots=True)
class LinkHeadConfig:
    """What a link head is made of.

    Attributes:
        hidden: width of the pair network.
        message_size: size of the message between competing links, those of one end or of one start.
        message_rounds: rounds of message passing.
        doubt_hidden: width of the network that says how sure the links of finished tracks are.
        weights_seed: seed of the first weights.
    """

    hidden: int = 64
    message_size: int = 12
    message_rounds: int = 2
    doubt_hidden: int = 24
    weights_seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(
            self, {"hidden": (1, 4096), "doubt_hidden": (1, 4096), "message_size": (1, 256), "message_rounds": (0, 16)}
        )
        check_ranges(self, {"weights_seed": SEEDS})
