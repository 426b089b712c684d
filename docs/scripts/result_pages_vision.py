"""The results pages about networks and single objects: detection, masks, re-identification, classes, cells, speed."""

from __future__ import annotations

from typing import Any

from result_files import read_figures
from result_tables import PROFILES, Page, have, number, table, versus

DETECTORS = {
    "lite0": "`lite0` (in the package)",
    "nanodet": "`nanodet` (in the package)",
    "fused": "`fused` (the default)",
    "yolox": "YOLOX-nano",
    "deimv2": "DEIMv2-femto",
}

SOT_TRACKERS = {"point": "ours", "nanotrack": "NanoTrack", "csrt": "CSRT", "mil": "MIL", "kcf": "KCF"}


def detector() -> Page | None:
    """COCO's average precision."""
    sets = {"val128": "coco_val128", "coco128": "coco128/val"}
    names = [f"detector-{key}-{d}" for key in sets for d in DETECTORS if have(f"detector-{key}-{d}")]
    if "detector-val128-lite0" not in names:
        return None
    parts, says = [], []
    for key, title in sets.items():
        of = {d: read_figures(f"detector-{key}-{d}") for d in DETECTORS if have(f"detector-{key}-{d}")}
        ours = of.get("lite0")
        if ours is None:
            continue
        shown = [name for name, figures in ours["classes"].items() if figures["objects"] >= 10]
        rows = []
        for name, content in of.items():
            classes = content["classes"]
            person = classes["person"]
            cells = [number(person[metric]) for metric in ("ap", "ap50", "ap75", "ar")]
            others = [number(classes[c]["ap50"]) if c in classes else "-" for c in shown if c != "person"]
            rows.append([DETECTORS[name], *cells, *others])
        head = [title, "person AP", "AP50", "AP75", "AR100", *(f"{c} AP50" for c in shown if c != "person")]
        parts += [f"## {title}, {ours['pictures']} images", table(head, rows)]
        if {"fused", "yolox"} <= of.keys():
            pair = (of[d]["classes"]["person"]["ap50"] for d in ("fused", "yolox"))
            says.append(f"{title}: {versus('`fused`', next(pair), 'YOLOX-nano', next(pair), 'AP50')} on persons.")
    says += _means(sets)
    says.append(
        "`lite0` has a frozen ImageNet backbone and few training images; "
        "`nanodet` and YOLOX-nano learned on all of COCO. `fused` runs the first two."
    )
    says.append(
        "`fused` is the default ([decision 114](../decisions/0114-the-default-detector-is-fused.md)): it finds more "
        "people than `lite0` and 80 classes in place of 16. `nanodet` finds more on images, but its tracks are worse."
    )
    if have("speed-detectors"):
        names.append("speed-detectors")
        parts += ["## Time and size", _costs(read_figures("speed-detectors")["detectors"])]
        says.append(
            "Time is that of one thread for each network, from one wide image (960x540) to its detections; of two "
            "networks that run side by side the CPU time is the sum."
        )
    about = (
        "COCO's average precision in percent, computed by pycocotools, on images that the package's detectors "
        "never saw. "
        "Classes with at least 10 objects are shown."
    )
    return Page("detector", "Detection", about, tuple(parts), tuple(says), tuple(names))


def _costs(detectors: dict[str, dict[str, float | None]]) -> str:
    """What each detector costs: time beside `lite0`, and the size of its files."""
    titles = DETECTORS | {"models/yolox_nano.onnx": DETECTORS["yolox"]}
    head = ["detector", "time beside `lite0`", "CPU time beside `lite0`", "CPU ms", "MB"]
    rows = []
    for name, cost in detectors.items():
        cells = (number(cost["ratio"], 2), number(cost["cpu_ratio"], 2), number(cost["cpu_milliseconds"]))
        rows.append([titles[name], *cells, number(cost["megabytes"])])
    return table(head, rows)


def _means(sets: dict[str, str]) -> list[str]:
    """What the means over all classes say, for detectors of COCO's 80 classes."""
    says = []
    for key, title in sets.items():
        known = [d for d in ("nanodet", "fused", "yolox", "deimv2") if have(f"detector-{key}-{d}")]
        if "nanodet" in known:
            means = {d: read_figures(f"detector-{key}-{d}")["mean"]["ap50"] for d in known}
            told = ", ".join(f"{DETECTORS[d]} {number(value)}" for d, value in means.items())
            says.append(f"{title}, mean AP50 of all classes with an object: {told}. `lite0` knows 16 of them.")
    return says


def detector_table() -> str | None:
    """The card's table: persons."""
    sets = {"val128": "coco_val128", "coco128": "coco128/val"}
    names = [n for n in ("lite0", "nanodet", "fused", "yolox") if all(have(f"detector-{key}-{n}") for key in sets)]
    if not {"lite0", "yolox"} <= set(names):
        return None
    rows = []
    for name in names:
        persons = [read_figures(f"detector-{key}-{name}")["classes"]["person"] for key in sets]
        rows.append([DETECTORS[name], *(number(of[metric]) for of in persons for metric in ("ap", "ap50"))])
    return table(["persons", *(f"{metric}, {title}" for title in sets.values() for metric in ("AP", "AP50"))], rows)


def single_object() -> Page | None:
    """OTB, VOT and UAV123 sequences."""
    if not have("single-object"):
        return None
    every = read_figures("single-object")
    runs = [e for e in every if e["name"] == "point"]
    head = ["profile", "AUC", "precision at 20 px", "normalised precision at 0.2", "answered"]
    rows = [
        [PROFILES[e["profile"]], *(number(e[m], 3) for m in ("auc", "precision", "normalised", "answered"))]
        for e in runs
    ]
    sequences = list(runs[0]["sequences"])
    each = [[s, *(number(e["sequences"][s]["auc"], 3) for e in runs)] for s in sequences]
    beside, says_peers = _sot_peers(every, [e["profile"] for e in runs])
    parts = (table(head, rows), *beside, table(["AUC", *(PROFILES[e["profile"]] for e in runs)], each))
    full, worst = runs[0]["auc"], min(runs, key=lambda e: e["auc"])
    lowest = min(sequences, key=lambda s: runs[0]["sequences"][s]["auc"])
    says = (
        f"With all frames the area under the success curve (AUC) is {full:.3f}; the lowest of the profiles is "
        f"{worst['auc']:.3f} ({PROFILES[worst['profile']]}).",
        f"The hardest sequence with all frames is {lowest}.",
        *says_peers,
        "The sequences are few, and one is either kept or lost as a whole, so single figures vary by several points.",
        "The localiser was not trained on these sequences, but its weights and its mask were chosen on them too. "
        "Some constants of the search are those of an earlier tracker that was tuned on them.",
    )
    frames = sum(s["frames"] for s in runs[0]["sequences"].values())
    about = (
        f"{len(sequences)} sequences of OTB, VOT and UAV123 ({frames} frames), followed from the first box on. A "
        f"frame without an "
        "answer counts as IoU 0."
    )
    return Page("single_object", "Single-object tracking", about, parts, says, ("single-object",))


def _sot_peers(every: list[dict[str, Any]], profiles: list[str]) -> tuple[list[str], list[str]]:
    """Tables of ours beside OpenCV's trackers, and what they say; nothing where no other was run."""
    names = [name for name in SOT_TRACKERS if any(e["name"] == name for e in every)]
    if len(names) < 2:
        return [], []
    of = {(e["name"], e["profile"]): e for e in every}
    rows = [[SOT_TRACKERS[n], *(number(of[n, p]["auc"], 3) for p in profiles)] for n in names]
    first = profiles[0]
    each = [
        [sequence, *(number(of[n, first]["sequences"][sequence]["auc"], 3) for n in names)]
        for sequence in of[names[0], first]["sequences"]
    ]
    says = []
    for profile in profiles:
        best = max((n for n in names if n != "point"), key=lambda n: of[n, profile]["auc"])
        ours, theirs = (number(of[n, profile]["auc"], 3) for n in ("point", best))
        says.append(
            f"{PROFILES[profile].capitalize()}: ours {ours}, the best of the others, {SOT_TRACKERS[best]}, {theirs}."
        )
    tables = [
        table(["AUC", *(PROFILES[p] for p in profiles)], rows),
        table([f"AUC, {PROFILES[first]}", *(SOT_TRACKERS[n] for n in names)], each),
    ]
    return tables, says


def masks() -> Page | None:
    """DAVIS: J&F."""
    if not have("masks"):
        return None
    titles = {
        "masks": "from the first mask",
        "masks-more": "from the first mask, twelve other sequences",
        "masks-box": "from the first box",
        "masks-more-box": "from the first box, twelve other sequences",
        "masks-two": "two objects over one another, from their first masks",
        "outlines-two": "two objects over one another, outlines of detected boxes",
    }
    names = [name for name in titles if have(name)]
    parts, overall = [], {}
    for name in names:
        runs = read_figures(name)
        head = [f"J&F, {titles[name]}", *(PROFILES[e["profile"]] for e in runs)]
        rows = []
        for sequence in runs[0]["sequences"]:
            values = [[o["j_and_f"] for o in e["sequences"][sequence]["objects"].values()] for e in runs]
            rows.append([sequence, *(number(100 * sum(v) / len(v)) for v in values)])
        for label, metric in (("all", "j_and_f"), ("all: J", "j"), ("all: F", "f")):
            rows.append([label, *(number(100 * e["overall"][metric]) for e in runs)])
        parts += [f"## {titles[name].capitalize()}", table(head, rows)]
        overall[name] = 100 * runs[0]["overall"]["j_and_f"]
    says = [f"J&F with all frames, {titles[name]}: {overall[name]:.1f} %." for name in names]
    says.append("The six sequences were looked at while constants were chosen; the twelve others were not.")
    about = (
        "Region similarity J and contour accuracy F in percent on six single-object sequences of DAVIS 2016 at "
        "480 lines, and on twelve of its training set at 240 lines; the "
        "first and the last frame are left out. Nothing was trained on them."
    )
    return Page("masks", "Mask propagation", about, tuple(parts), tuple(says), tuple(names))


def reid() -> Page | None:
    """Identities on cropped images and in a clip."""
    if not have("reid"):
        return None
    titles = {
        "reid": "liquidtrack, metric learned on the other 37 people",
        "reid-bare": "liquidtrack, features without a metric",
        "reid-retail": "OpenVINO's person-reidentification-retail-0288",
    }
    names = [name for name in titles if have(name)]
    of = {name: read_figures(name) for name in names}
    head = ["images of two cameras", "mAP", "rank-1", "rank-5", "rank-10"]
    rows = [[titles[n], *(number(of[n][m], 3) for m in ("mean_ap", "rank_1", "rank_5", "rank_10"))] for n in names]
    parts = ["## Images of people", table(head, rows)]
    says = [
        f"{versus('The learned metric', of['reid']['mean_ap'], n, of[m]['mean_ap'], 'mAP', 3)}."
        for m, n in (("reid-bare", "the features without it"), ("reid-retail", "retail-0288"))
        if m in of
    ]
    says.append(
        "The metric saw other people in the same two cameras; in cameras that it never saw it will be worth less."
    )
    if have("reid-video"):
        names.append("reid-video")
        labels = {
            "off": "without `--reid`",
            "identity": "`--reid`",
            "bare": "`--reid`, features without a metric",
            "hue": "`--reid` by hue histograms",
        }
        rows = []
        for kind, entrants in read_figures("reid-video").items():
            for name, one in entrants.items():
                s = one["scores"]
                counts = (str(one["right"]), str(one["wrong"]), str(one["away"]))
                rows.append(
                    [f"{kind}, {labels.get(name, name)}", *(number(s[m]) for m in ("hota", "assa", "idf1")), *counts]
                )
        head = ["gap", "HOTA", "AssA", "IDF1", "returned with the own id", "with another's id", "of"]
        parts += ["## People who leave a clip and return", table(head, rows)]
    about = (
        "Above, crops of 37 people (half of the identities) of two cameras, each camera's crops against the "
        "other's. Below, "
        "seconds cut out of a real clip (vtest.avi) at four places, true times kept: who gets their own id back."
    )
    return Page("reid", "Re-identification", about, tuple(parts), tuple(says), tuple(names))


def classification() -> Page | None:
    """Classes of images and of tracks."""
    if not have("classification"):
        return None
    one = read_figures("classification")
    head = ["images", "number", "top-1", "top-5"]
    parts = [
        table(head, [["`efficientnet_lite0`", str(one["pictures"]), number(one["top1"], 3), number(one["top5"], 3)]])
    ]
    says = [
        "The images are most likely training images of the network: they show that it runs as published, not "
        "how good it is."
    ]
    names = ["classification"]
    if have("classification-tracks"):
        names.append("classification-tracks")
        scores = read_figures("classification-tracks")["scores"]
        profiles = list(dict.fromkeys(s["profile"] for s in scores))
        head = ["method"] + [
            f"{m}, {PROFILES[p]}"
            for p in profiles
            for m in ("right over time", "changes a second", "calibration error")
        ]
        rows = []
        for name in dict.fromkeys(s["name"] for s in scores):
            row = [name]
            for profile in profiles:
                s: dict[str, Any] = next((s for s in scores if (s["name"], s["profile"]) == (name, profile)), {})
                row += [
                    number(s.get("over_time"), 3),
                    number(s.get("flicker"), 2),
                    number(s.get("calibration_error"), 3),
                ]
            rows.append(row)
        parts += ["## Tracks in simulated views", table(head, rows)]
        full = {s["name"]: s for s in scores if s["profile"] == profiles[0]}
        pool, mean = full["liquid pool"], full["mean probability"]
        ours, theirs = (100 * of["over_time"] for of in (pool, mean))
        says += [
            f"{versus('The liquid pool', ours, 'the mean probability', theirs, 'percentage points')} in answers that "
            "are right over time.",
            f"It changes its answer {pool['flicker']:.2f} times a second, the mean probability "
            f"{mean['flicker']:.2f} times.",
        ]
    about = (
        "Above, single ImageNet images. Below, the class of a track over 3 s of simulated views of images that "
        "the pool was "
        "not trained on: the share of all answers that are right, changes of the answer a second, and the "
        "calibration error."
    )
    return Page("classification", "Classification", about, tuple(parts), tuple(says), tuple(names))


def speed() -> Page | None:
    """Times, on the machine that the page names."""
    names = [n for n in ("speed-engine", "speed-pipeline", "speed-detector", "speed-startup") if have(n)]
    if not names:
        return None
    parts, says = [], []
    if "speed-startup" in names:
        content = read_figures("speed-startup")
        labels = {
            "python alone": "a bare Python interpreter",
            "--help": "`liquidtrack --help`",
            "first tracked frame": "first tracked frame, detections from a file",
        }
        rows = [[labels.get(name, name), number(value, 2)] for name, value in content.items()]
        parts += ["## Start", table(["seconds", "time"], rows)]
    if "speed-engine" in names:
        times = read_figures("speed-engine")["milliseconds"]
        entrants = list(next(iter(times.values())))
        rows = [
            [f"`{e}`" if e != "bytetrack" else "ByteTrack (`trackers`)", *(number(times[n][e], 2) for n in times)]
            for e in entrants
        ]
        parts += ["## Tracker alone", table(["ms a frame", *(f"{n} objects" for n in times)], rows)]
        if "100" in times and {"liquid", "kalman"} <= set(entrants):
            ratio = times["100"]["liquid"] / times["100"]["kalman"]
            says.append(f"With 100 objects a frame `liquid` takes {ratio:.1f} times as long as `kalman`.")
    if "speed-detector" in names:
        content = read_figures("speed-detector")
        rows = [
            [f"`{n}`", *(number(of[n]["milliseconds"], 1) for of in content.values())]
            for n in next(iter(content.values()))
        ]
        parts += ["## Detector, one thread", table(["ms an image", *content], rows)]
    if "speed-pipeline" in names:
        content = read_figures("speed-pipeline")
        rows = [
            [n, number(1000 * c["wall"], 2), number(1000 * c["cpu"], 2)] for n, c in content["seconds_a_frame"].items()
        ]
        parts += ["## Pipeline with the default detector", table(["ms a frame", "time", "CPU time"], rows)]
        says.append(
            f"The whole pipeline takes {content['ratio']:.2f} times as long as its slowest stage, {content['slowest']}."
        )
    says.append("Times hold for the machine named beside the commands; other work on it makes them longer.")
    about = "Times on one machine without other work; the commands below name it."
    return Page("speed", "Speed", about, tuple(parts), tuple(says), tuple(names))
