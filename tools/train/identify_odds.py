"""`liquidtrack fit identify`: fit the match probabilities of tracks and a gallery, from people seen by two cameras.

Scenes are sampled: a gallery of 1 to 20 people, and tracks, half of people in the gallery and half of unknown people,
from the same camera at different times or from the other camera. Even identities are for the fit, odd identities for
the report.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.ground_truth.reid import Identities, read_identities
from models.errors import DataError
from models.runtime.compute import Compute
from tools.cli.messages import say
from tools.evaluate.reid import embed_identities
from tools.train.config.identify_odds import FitIdentifyConfig
from tracker.reid.descriptor import IdentityFeatures, fit_metric, load_metric, plain
from tracker.reid.open_set import WEIGHTS, evidence, fit, probabilities
from tracker.types import Bool, Float32, Float64, Int64

MAX_NAMES, MAX_TRACKS, MAX_IMAGES = 20, 12, 4
MIN_IDENTITIES = 8  # least number of identities of one half
REPORTED_PROBABILITIES = (0.5, 0.8, 0.9)  # probability thresholds of the report


@dataclass(frozen=True, eq=False, slots=True)
class Case:
    """One track of a scene.

    Attributes:
        evidence: (G, 8).
        right: index of its name; G: not in the gallery.
        across: whether gallery and track are from different cameras.
    """

    evidence: Float64
    right: int
    across: bool


def fit_identify(config: FitIdentifyConfig) -> None:
    """Fit, print the constants, and evaluate them and the package defaults on the odd identities.

    Raises:
        ConfigError: there is no such folder, or no image in it.
        DataError: there are too few identities of two cameras.
        WeightsError: the network or the metric is not available.
    """
    data = read_identities(config.folder)
    network = IdentityFeatures(Compute.shared(threads=config.threads).threads)
    features = embed_identities(data, np.ones(len(data.identity), bool), network, config.quiet)
    metric = load_metric(config.metric) if config.metric is not None else None
    views = plain(features) if metric is None else metric(features)
    even, odd = (np.arange(half, len(data.names), 2) for half in (0, 1))
    taught, others = (draw(data, views, people, config.scenes, config.seed) for people in (even, odd))
    weights = fit([(case.evidence, case.right) for case in taught])
    print("weights: " + ", ".join(f"{w:.2f}" for w in weights))
    ready = ("the package's", WEIGHTS) if metric is None or metric.weights is None else ("the metric's", metric.weights)
    for name, chosen in (("fitted here", weights), ready):
        print(f"{name}, on the odd identities:")
        for line in report(others, chosen):
            say(f"  {line}")


def cross_fit(data: Identities, features: Float32, taught: Bool, scenes: int = 300) -> Float64 | None:
    """(8,) weights for a metric learnt from the `taught` images, by cross-fitting: two metrics, each from half of the
    identities, are evaluated on the other half. None where there are too few identities.

    Args:
        features: (N, 2, D) of the taught images.
    """
    some = replace_rows(data, taught)
    people = np.unique(some.identity)
    cases: list[Case] = []
    for half in (0, 1):
        learnt = np.isin(some.identity, people[half::2])
        try:
            metric = fit_metric(features[learnt], some.identity[learnt], some.camera[learnt])
            cases += draw(some, metric(features), people[1 - half :: 2], scenes, half)
        except DataError:
            return None
    return fit([(case.evidence, case.right) for case in cases])


def replace_rows(data: Identities, rows: Bool) -> Identities:
    """The data of a subset of the images."""
    pictures = tuple(path for path, take in zip(data.pictures, rows, strict=True) if take)
    return replace(data, pictures=pictures, identity=data.identity[rows], camera=data.camera[rows])


def draw(data: Identities, views: Float32, among: Int64, scenes: int, seed: int) -> list[Case]:
    """The tracks of sampled scenes of the identities `among`; `views` (N, D) are embeddings of the images.

    Raises:
        DataError: fewer than `MIN_IDENTITIES` of them were seen by two cameras, at two times at least.
    """
    rng = np.random.default_rng([seed, int(among[0]) if len(among) else 0])
    cameras = range(len(data.cameras))
    shots = {(k, c): np.flatnonzero((data.identity == k) & (data.camera == c)) for k in among.tolist() for c in cameras}
    people = [k for k in among.tolist() if sum(len(shots[k, c]) > 1 for c in cameras) > 1]
    if len(people) < MIN_IDENTITIES:
        raise DataError(
            f"{len(people)} identities of one half have two pictures of two cameras each; "
            f"give {MIN_IDENTITIES} or more."
        )
    cases: list[Case] = []
    for _ in range(scenes):
        gallery, tracks, right, across = _scene(rng, people, shots, len(data.cameras))
        if tracks:
            found = evidence([views[g] for g in gallery], [views[t] for t in tracks])
            cases += [Case(found[n], right[n], across) for n in range(len(tracks))]
    return cases


def _scene(
    rng: np.random.Generator, people: list[int], shots: dict[tuple[int, int], Int64], cameras: int
) -> tuple[list[Int64], list[Int64], list[int], bool]:
    """(images of each name, crops of each track, index of its name, whether from different cameras)."""
    order = rng.permutation(people).tolist()
    names = order[: int(rng.integers(1, min(MAX_NAMES, len(order) - 1) + 1))]
    strangers = order[len(names) :]
    across = bool(rng.random() < 0.5)
    here, there = rng.permutation(cameras)[:2].tolist()
    there = there if across else here
    names, strangers = (
        [k for k in some if len(shots[k, here]) and len(shots[k, there])] for some in (names, strangers)
    )
    if not names:
        return [], [], [], across
    known = int((rng.random(int(rng.integers(1, MAX_TRACKS + 1))) < 0.5).sum())
    unknown = int(rng.integers(1, MAX_TRACKS + 1)) - known
    pick = rng.permutation(len(names))[:known].tolist()
    shown = [(names[k], k) for k in pick] + [(k, len(names)) for k in strangers[: max(unknown, 0)]]
    most = MAX_IMAGES if across else MAX_IMAGES // 2
    pictures, views = (int(n) for n in rng.integers(1, most + 1, 2))
    shown = [(k, right) for k, right in shown if len(shots[k, there]) > (0 if across else 1)]
    tracks = [rng.permutation(shots[k, there])[:views] for k, _ in shown]
    if not across:  # every identity keeps an image for the gallery
        tracks = [t[: max(1, len(shots[k, there]) - 1)] for t, (k, _) in zip(tracks, shown, strict=True)]
    used = np.concatenate(tracks) if tracks else np.zeros(0, np.int64)
    left = [np.setdiff1d(shots[k, here], used) for k in names]
    gallery = [rng.permutation(p if len(p) else shots[k, here])[:pictures] for p, k in zip(left, names, strict=True)]
    return gallery, tracks, [right for _, right in shown], across


def report(cases: list[Case], weights: Float64) -> list[str]:
    """Quality of the probabilities, a line per threshold: by camera, true and false accepts, precision."""
    lines = []
    for across in (False, True):
        some = [case for case in cases if case.across == across]
        chance = [probabilities(case.evidence[None], weights)[0] for case in some]
        best = np.array([int(p[:-1].argmax()) for p in chance])
        sure = np.array([p[k] for p, k in zip(chance, best, strict=True)])
        right = np.array([case.right for case in some]) == best
        stranger = np.array([case.right == len(case.evidence) for case in some])
        for asked in REPORTED_PROBABILITIES:
            said = sure >= asked
            lines.append(
                f"{'two cameras' if across else 'one camera ':11}  from {asked:.1f} on:"
                f" known people named rightly {(said & right)[~stranger].mean():.3f},"
                f" wrongly {(said & ~right)[~stranger].mean():.3f};"
                f" strangers named {said[stranger].mean():.3f};"
                f" of all names right {right[said].mean() if said.any() else float('nan'):.3f},"
                f" promised {sure[said].mean() if said.any() else float('nan'):.3f}"
            )
    return lines
