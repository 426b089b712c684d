"""Renamed options and commands. Standard library only: the command line imports it first.

One table serves the command line, settings files (`*.run.toml` of earlier versions), folders' manifests, checkpoints
and the settings in weight files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

Value = TypeVar("Value")

LAST = "0.3"  # the version in which old names are removed

# (old, new) with underscores, as in settings files. An old name stands for the first new name that a command has,
# unless the command has an option with the old name.
OPTIONS: tuple[tuple[str, str], ...] = (
    ("life", "max_age"),
    ("tentative_life", "tentative_max_age"),
    ("confirmation", "min_confirm"),
    ("birth_score", "new_track_score"),
    ("birth_probability", "new_track_probability"),
    ("birth_match_probability", "new_track_match_probability"),
    ("head", "association_head"),
    ("adapt", "online_calibration"),
    ("reid_seconds", "reid_memory"),
    ("reid_count", "reid_gallery_size"),
    ("reid_looks", "reid_crops"),
    ("recognise", "classify"),
    ("recognise_crops", "classify_crops"),
    ("recognise_every", "classify_interval"),
    ("recognise_from", "classify_probability"),
    ("show_unseen", "show_lost"),
    ("network", "detector"),
    ("a", "input"),
    ("b", "output"),
    ("views", "crops"),
    ("best", "top"),
    ("looks", "embeddings"),
    ("around", "context"),
    ("places", "cuts"),
    ("rooms", "exits"),
    ("networks", "detectors"),
    ("crowd_seed", "seed"),
    ("draw_seed", "seed"),
    ("noise", "box_noise"),
    ("alarms", "false_positives"),
    ("pictures", "images"),
    ("least_area", "min_area"),
    ("rate", "learning_rate"),
    ("rate", "crop_rate"),
    ("start", "init_weights"),
    ("renew_cell", "reset_cell"),
    ("blend", "average_with"),
    ("code", "message_size"),
    ("rounds", "message_rounds"),
    ("habits", "track_statistics"),
    ("alike", "similarity_weight"),
    ("query", "query_size"),
    ("seed", "weights_seed"),
    ("look", "input_size"),
    ("data_seed", "seed"),
    ("hold", "validation_every"),
    ("profile", "profiles"),
    ("base", "first_pixel"),
    ("network", "embedder"),
    ("network_scale", "embedder_scale"),
    ("people", "identities"),
)

COMMANDS: dict[str, str] = {
    "eval detect": "eval detection",
    "eval recognition": "eval classification",
    "bench returns": "bench reid",
    "bench detector": "bench detection",
    "bench series": "bench cells",
    "fit returns": "fit reid",
    "draw streets": "simulate driving",
    "train head": "train association",
    "train detector": "train detection",
    "train recognition": "train classification",
}


def new_name(old: str, known: Collection[str]) -> str | None:
    """The new name of the option `old` among the options `known`; None where `old` is no old name."""
    if old in known:
        return None
    return next((new for name, new in OPTIONS if name == old and new in known), None)


def with_new_names(settings: Mapping[str, Value], known: Collection[str]) -> dict[str, Value]:
    """The same settings with old names replaced by the new ones in `known`."""
    return {new_name(name, known) or name: value for name, value in settings.items()}
