"""The link head's arrays: names and shapes, from its config alone."""

from __future__ import annotations

from models.link_head.config import LinkHeadConfig

MESSAGE_HIDDEN = 32  # width of the hidden layer that turns incoming messages into an update
NUMBERS = 5  # numbers of its competing links that a link gets in a round, beside their messages
Shapes = dict[str, tuple[int, ...]]


def link_head_shapes(config: LinkHeadConfig, features: int, doubts: int) -> Shapes:
    """Every array of `model.LinkHead` by name, with `features` and `doubts` features a link."""
    c, out = config, 1 + config.message_size
    heard = NUMBERS + 3 * c.message_size
    layers = {
        "first": (c.hidden, features),
        "second": (c.hidden, c.hidden),
        "judge": (out, c.hidden),
        "doubt.first": (c.doubt_hidden, doubts),
        "doubt.second": (c.doubt_hidden, c.doubt_hidden),
        "doubt.judge": (1, c.doubt_hidden),
        **{f"listen.{k}": (MESSAGE_HIDDEN, heard) for k in range(c.message_rounds)},
        **{f"revise.{k}": (out, MESSAGE_HIDDEN) for k in range(c.message_rounds)},
    }
    found: Shapes = {"mean": (features,), "scale": (features,), "base": (2,)}
    found |= {"doubt.mean": (doubts,), "doubt.scale": (doubts,)}
    for name, shape in layers.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found
