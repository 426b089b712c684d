"""The results pages about tracking: association, motion forecasts, tracking from pixels, new tracks."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import PROFILES, Page, have, hota, interval, number, table, versus

Scores = dict[str, dict[str, list[dict[str, float]]]]  # what `bench mot` wrote: by entrant, profile and seed

W = "liquid:weights/control-"
ENTRANTS = {
    "liquid": "liquidtrack (`--motion liquid`, the default)",
    "liquid:clean": "liquidtrack, `--association-head clean` (no research data)",
    "kalman": "liquidtrack, `--motion kalman`",
    f"{W}gru-dt.safetensors": "ablation: a GRU given the elapsed time, in place of the liquid cell",
    f"{W}none.safetensors": "ablation: no recurrent cell",
    f"{W}memoryless.safetensors": "ablation: no recurrent cell and no track statistics",
    "liquid-numpy": "the liquid head without the library of `liquidtrack compile`",
    "liquid-shuffled": "ablation: each track is given the elapsed time of another track",
    "liquid/mix": "ablation: motion of the head, association of the Kalman filter",
    "bytetrack": "ByteTrack",
    "ocsort": "OC-SORT",
    "cbiou": "C-BIoU",
    "arcsort": "ARC-SORT",
}
CLEAN = {"sportsmot": "SportsMOT, true boxes", "streets": "simulated streets"}  # sets with a table of their own
UNEVEN = ("stride5", "drop70", "jitter", "bursty")
PEERS = ("bytetrack", "ocsort", "cbiou", "arcsort")
SHORT = {"liquid": "liquid", f"{W}gru-dt.safetensors": "the GRU", "kalman": "the Kalman filter"}


def entrant(name: str) -> str:
    """A row's name; `+t` marks a peer that is given the true times."""
    return f"{ENTRANTS[name[:-2]]}, given true times" if name.endswith("+t") else ENTRANTS[name]


def split(content: dict[str, Any]) -> tuple[Scores, dict[str, Any]]:
    """The entrants' scores, and the differences to the first of them."""
    return {k: v for k, v in content.items() if k != "differences"}, content["differences"]


def tracking() -> Page | None:
    """HOTA with given detections."""
    if not have("tracking-mot17", "tracking-dancetrack"):
        return None
    parts: list[str] = []
    says: list[str] = []
    results: list[str] = []
    for key, title in (("mot17", "MOT17, second halves"), ("dancetrack", "DanceTrack, validation set")):
        names = [name for name in (f"tracking-{key}{tail}" for tail in ("", "-peers", "-clean")) if have(name)]
        results += names
        scores: Scores = {}
        differences: dict[str, Any] = {}
        for name in names:
            found, gaps = split(read_figures(name))
            scores |= {k: v for k, v in found.items() if k not in scores}
            differences |= gaps.get("liquid", {})
        parts += [f"## {title}", _by_profile(scores, differences), *_purity(scores)]
        says.append(_against_peers(title, scores))
    says += _ablations()
    for key, title in (("sportsmot", "SportsMOT"), ("dancetrack-truth", "DanceTrack")):
        if have(f"tracking-{key}"):
            results.append(f"tracking-{key}")
            scores, differences = split(read_figures(f"tracking-{key}"))
            parts += [f"## True boxes as detections: {title}", _by_profile(scores, differences["liquid"])]
    for key, title in (("mot17", "MOT17"), ("dancetrack", "DanceTrack")):
        if have(f"tracking-{key}-gaps"):
            results.append(f"tracking-{key}-gaps")
            scores, differences = split(read_figures(f"tracking-{key}-gaps"))
            parts += [f"## Long strides: {title}", _by_profile(scores, differences["liquid"])]
    for key, title in CLEAN.items():
        if have(f"tracking-{key}-clean", f"tracking-{key}-peers"):
            results += [f"tracking-{key}-clean", f"tracking-{key}-peers"]
            scores, differences = _merged(key)
            parts += [f"## The head without research data: {title}", _by_profile(scores, differences)]
    if have("tracking-streets"):
        results.append("tracking-streets")
        scores, differences = split(read_figures("tracking-streets"))
        parts += ["## Simulated streets seen from a car", _by_profile(scores, differences["liquid"])]
    about = (
        "HOTA in percent, computed by TrackEval's classes, on sequences that nothing was trained on. All "
        "entrants get the "
        "same detections and the same frames; *uneven* is the mean over the profiles that leave frames out. "
        "*Difference* "
        "is an entrant minus liquidtrack, paired by sequence, with a 95 % bootstrap interval. *AssPr* is the share of "
        "a track's boxes that are its object's, *AssRe* the share of an object's boxes that are in its track."
    )
    return Page("tracking", "Tracking", about, tuple(parts), tuple(says), tuple(results))


def _merged(key: str) -> tuple[Scores, dict[str, Any]]:
    """The entrants of a set, the head without research data and the peers among them, and their differences to ours."""
    (peers, gaps), (clean, _) = (split(read_figures(f"tracking-{key}{tail}")) for tail in ("-peers", "-clean"))
    return peers | clean, gaps["liquid"]


def _by_profile(scores: Scores, differences: dict[str, Any]) -> str:
    profiles = list(next(iter(scores.values())))
    uneven = [p for p in profiles if p != "full"]
    several = len(uneven) > 1
    compared = [group for group in ("full", "uneven") if any(group in of for of in differences.values())]
    head = ["HOTA", *(PROFILES[p] for p in profiles), *["uneven"] * several]
    head += [f"difference, {'all frames' if group == 'full' else 'uneven'}" for group in compared]
    rows = []
    for name, of in scores.items():
        row = [entrant(name), *(number(hota(of, p)) for p in profiles), *[number(hota(of, *uneven))] * several]
        gaps = differences.get(name, {})
        row += [interval(g["value"], g["low"], g["high"]) if (g := gaps.get(group)) else "" for group in compared]
        rows.append(row)
    return table(head, rows)


def _purity(scores: Scores) -> list[str]:
    """A table of how pure and how whole tracks are, of the entrants that were measured with it."""
    groups = (("all frames", ("full",)), ("uneven", UNEVEN))
    metrics = (("AssPr", "asspr"), ("AssRe", "assre"))
    rows = [
        [entrant(name), *(number(hota(of, *places, metric=key)) for _, places in groups for _, key in metrics)]
        for name, of in scores.items()
        if all("asspr" in one for places in of.values() for one in places)
    ]
    head = ["purity", *(f"{title}, {when}" for when, _ in groups for title, _ in metrics)]
    return [table(head, rows)] * bool(rows)


def _against_peers(title: str, scores: Scores) -> str:
    peers = {name: of for name, of in scores.items() if name.removesuffix("+t") in PEERS}
    ours = scores["liquid"]
    rivals = peers or {"kalman": scores["kalman"]}
    parts = []
    for label, profiles in (("with all frames", ("full",)), ("under uneven time", UNEVEN)):
        best = max(rivals, key=lambda name: hota(rivals[name], *profiles))
        name = entrant(best) if peers else "the Kalman filter"
        parts.append(f"{versus('liquid', hota(ours, *profiles), name, hota(rivals[best], *profiles))} {label}")
    return f"{title}: {' and '.join(parts)}{', the best peer of each' if peers else ''}."


def _ablations() -> list[str]:
    says = []
    for name, text in (
        (f"{W}memoryless.safetensors", "Without memory (no cell, no track statistics)"),
        (f"{W}gru-dt.safetensors", "With a GRU that is given the elapsed time instead of the liquid cell"),
    ):
        gaps = []
        for key, title in (("mot17", "MOT17"), ("dancetrack", "DanceTrack")):
            gap = split(read_figures(f"tracking-{key}"))[1]["liquid"][name]["uneven"]
            gaps.append(f"{interval(gap['value'], gap['low'], gap['high'])} HOTA on {title}")
        says.append(f"{text}, uneven time gives {' and '.join(gaps)} relative to liquid.")
    return says


def clean_summary() -> str | None:
    """The table on the card of the head without research data: beside the default and the best peer of each column."""
    if not have(
        "tracking-mot17-clean", "tracking-dancetrack-clean", "tracking-mot17-peers", "tracking-dancetrack-peers"
    ):
        return None
    columns: list[tuple[str, Scores, tuple[str, ...]]] = []
    for key, title in (("dancetrack", "DanceTrack-val"), ("mot17", "MOT17 second halves")):
        scores = _merged(key)[0]
        columns += [(f"{title}, all frames", scores, ("full",)), ("uneven", scores, UNEVEN)]
    for key, title in CLEAN.items():
        if have(f"tracking-{key}-clean", f"tracking-{key}-peers"):
            scores = _merged(key)[0]
            rest = tuple(p for p in scores["liquid"] if p != "full")
            columns += [(f"{title}, all frames", scores, ("full",)), ("uneven", scores, rest)]
    rows = [
        [text, *(number(hota(scores[name], *profiles)) for _, scores, profiles in columns)]
        for name, text in (("liquid:clean", "this head"), ("liquid", "the default head"))
    ]
    best = [
        number(max(hota(of, *profiles) for name, of in scores.items() if name.removesuffix("+t") in PEERS))
        for _, scores, profiles in columns
    ]
    return table(["HOTA", *(title for title, _, _ in columns)], [*rows, ["the best peer", *best]])


def summary() -> str | None:
    """The README's table: ours, the Kalman filter, and the best peer of each column."""
    names = ("tracking-mot17", "tracking-dancetrack", "tracking-mot17-peers", "tracking-dancetrack-peers")
    if not have(*names):
        return None
    columns: list[tuple[Scores, Scores, tuple[str, ...]]] = []
    for key in ("dancetrack", "mot17"):
        ours, peers = (split(read_figures(f"tracking-{key}{tail}"))[0] for tail in ("", "-peers"))
        peers = {name: of for name, of in peers.items() if name != "liquid"}
        columns += [(ours, peers, ("full",)), (ours, peers, UNEVEN)]
    rows = [
        ["liquidtrack", *(number(hota(ours["liquid"], *profiles)) for ours, _, profiles in columns)],
        ["liquidtrack, `--motion kalman`", *(number(hota(ours["kalman"], *p)) for ours, _, p in columns)],
        [
            "best of ByteTrack, OC-SORT, C-BIoU, ARC-SORT",
            *(number(max(hota(of, *profiles) for of in peers.values())) for _, peers, profiles in columns),
        ],
    ]
    head = ["HOTA", "DanceTrack-val, all frames", "uneven", "MOT17 second halves, all frames", "uneven"]
    return table(head, rows)


def motion() -> Page | None:
    """Motion forecasts without association."""
    sets = {
        "mot17": "MOT17, second halves",
        "dancetrack": "DanceTrack, validation set",
        "sportsmot": "SportsMOT, validation set",
    }
    known = {key: title for key, title in sets.items() if have(f"motion-{key}")}
    if not known:
        return None
    parts, says = [], []
    for key, title in known.items():
        (of,) = read_figures(f"motion-{key}").values()
        profiles = list(next(iter(of.values())))
        head = [
            "next observation",
            *(f"IoU, {PROFILES[p]}" for p in profiles),
            *(f"90 % interval, {PROFILES[p]}" for p in profiles),
        ]
        rows = []
        for name, by_profile in of.items():
            shown = [by_profile[p]["next look"] for p in profiles]
            covered = [mean_of(s["within_90"]) if "within_90" in s else None for s in shown]
            rows.append([f"`{name}`", *(number(s["iou"], 3) for s in shown), *map(number, covered)])
        parts += [f"## {title}", table(head, rows), _horizons(of)]
        liquid, kalman = (of[name]["full"]["next look"]["iou"] for name in ("liquid", "kalman"))
        inside = [mean_of(of["liquid"][p]["next look"]["within_90"]) for p in profiles]
        says.append(
            f"{title}: {versus('liquid', liquid, 'kalman', kalman, 'IoU', 3)} with all frames, and its 90 % "
            f"intervals "
            f"hold {min(inside):.1f} to {max(inside):.1f} % of the observations."
        )
    about = (
        "Where an object will be observed next, without association: each object gets its own detections. Mean "
        "IoU of the "
        "forecast box, and the percentage of observations inside the forecast's 90 % interval (mean of the four "
        "coordinates; 90 is right). `still` and `constant-velocity` are controls, `kalman-t` reads the Kalman "
        "filter's "
        "standard deviation as a Student-t."
    )
    return Page("motion", "Motion forecasts", about, tuple(parts), tuple(says), tuple(f"motion-{key}" for key in known))


def mean_of(values: dict[str, float]) -> float:
    """The mean over the coordinates."""
    return sum(values.values()) / len(values)


def _horizons(of: dict[str, Any]) -> str:
    wanted = [h for h in of["liquid"]["full"] if h.endswith(" s") or h == "1 fr"]
    if not wanted:
        return ""
    rows = [[f"`{name}`", *(number((p["full"][h] or {}).get("iou"), 3) for h in wanted)] for name, p in of.items()]
    return table(["IoU after a history with all frames", *(f"in {h.replace(' fr', ' frame')}" for h in wanted)], rows)


def appearance() -> Page | None:
    """HOTA from pixels, with and without embeddings."""
    names = [n for n in ("lite0", "lite0-none", "yolox", "yolox-none") if have(f"appearance-{n}")]
    if "lite0" not in names:
        return None
    titles = {
        "lite0": "`lite0` and its embeddings",
        "lite0-none": "`lite0`, no embeddings",
        "yolox": "YOLOX-nano, EfficientNet-Lite0's embeddings",
        "yolox-none": "YOLOX-nano, no embeddings",
    }
    rows, ours = [], {}
    profiles = list(read_figures("appearance-lite0"))
    uneven = [p for p in profiles if p != "full"]
    for name in names:
        content = read_figures(f"appearance-{name}")
        for tracker in content["full"]["hota"]:
            values = {p: content[p]["hota"][tracker] for p in profiles}
            mean = sum(values[p] for p in uneven) / len(uneven)
            own = tracker.removesuffix("+t") not in ENTRANTS or tracker in ("liquid", "kalman")
            label = (
                f"liquidtrack: {titles[name]}"
                if own
                else f"{entrant(tracker)} on the detections of {titles[name].split(',')[0].split(' ')[0]}"
            )
            rows.append([label, *(number(values[p]) for p in profiles), number(mean)])
            if own:
                ours[name] = (values["full"], mean)
    worst = max(max(p["time_error"].values()) for p in read_figures("appearance-lite0").values())
    says = [
        f"{versus('lite0 with embeddings', ours[a][k], 'lite0 without', ours[b][k])} {label}."
        for a, b in (("lite0", "lite0-none"),)
        if b in ours
        for k, label in enumerate(("with all frames", "under uneven time"))
    ]
    says.append(f"Every exported time is within {1000 * worst:.3f} ms of the true one, in all output formats.")
    says.append("It is one clip with 19 people: a single swap that comes early moves HOTA by several points.")
    about = (
        "HOTA from the pixels of one real clip (PETS09-S2L1, vtest.avi) that is re-timed losslessly. Peers get "
        "the same "
        "detections, without embeddings."
    )
    parts = (table(["HOTA", *(PROFILES[p] for p in profiles), "uneven"], rows),)
    title = "Tracking from pixels, with and without embeddings"
    return Page("appearance", title, about, parts, tuple(says), tuple(f"appearance-{n}" for n in names))


def births() -> Page | None:
    """Whether objects that the detector finds get a track, and what else gets one."""
    if not have("births"):
        return None
    runs = read_figures("births")
    groups = ("person", "vehicle", "animal", "other")
    rows, says = [], []
    for detector in dict.fromkeys(run["detector"] for run in runs):
        short = detector.rsplit("/", 1)[-1].removesuffix(".onnx")
        shares = {}
        for profile in dict.fromkeys(run["profile"] for run in runs):
            for rule in ("evidence", "score"):
                of = [r for r in runs if (r["detector"], r["profile"], r["rule"]) == (detector, profile, rule)]
                objects = [o for run in of for o in run["objects"]]
                counted = [run for run in of if run["false"] is not None]
                minutes = sum(run["seconds"] for run in counted) / 60
                false = sum(run["false"]["false"] for run in counted) / minutes if minutes else None
                shares[profile, rule] = (_share(objects), false)
                cells = [_cell([o for o in objects if o["group"] == group]) for group in groups]
                label = "evidence (the default)" if rule == "evidence" else "score alone"
                rows.append([f"`{short}`, {PROFILES[profile]}, {label}", *cells, _cell(objects), number(false)])
        (share, false), (alone, false_alone) = shares["full", "evidence"], shares["full", "score"]
        says.append(
            f"`{short}`, all frames: {share:.0f} % of the objects that it finds are tracked in time ({alone:.0f} "
            f"% by score "
            f"alone), with {number(false)} false tracks a minute ({number(false_alone)})."
        )
    about = (
        "Percentage of the objects found by a detector that have a track within 0.5 s of their fifth detection "
        "(number of "
        "objects in brackets), by the default rule, where repeated weak detections start a track too, and by "
        "score alone "
        "(`--new-track-probability 1`). False tracks overlap no labelled object in most of their frames; they are "
        "counted on "
        "COCO's images, seen by a simulated camera."
    )
    parts = (table(["detector, profile, rule", *groups, "all", "false tracks a minute"], rows),)
    return Page("births", "New tracks", about, parts, tuple(says[:5]), ("births",))


def _share(objects: list[dict[str, Any]]) -> float:
    return 100 * sum(o["tracked"] is not None for o in objects) / max(len(objects), 1)


def _cell(objects: list[dict[str, Any]]) -> str:
    return f"{_share(objects):.0f} ({len(objects)})" if objects else "-"
