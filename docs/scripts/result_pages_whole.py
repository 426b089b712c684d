"""The results page about tracking with the whole video: association, doubt, tracking from pixels, speed."""

from __future__ import annotations

from typing import Any

from result_files import read_figures, read_record
from result_pages import ENTRANTS, UNEVEN, Scores, entrant
from result_tables import PROFILES, Page, have, hota, interval, number, table, versus

SETS = {
    "mot17": "MOT17, second halves",
    "dancetrack": "DanceTrack, validation set",
    "sportsmot": "SportsMOT, true boxes as detections",
    "streets": "Simulated streets seen from a car",
}
FIRST = "liquid whole"
GROUPS = {"full": "all frames", "uneven": "uneven"}
KINDS = {
    "whole links": "links, with the whole video",
    "whole starts": "starts, with the whole video",
    "whole ends": "ends, with the whole video",
    "online links": "links, online",
}
SHARES = ("0.01", "0.02", "0.05", "0.1")


def whole_video() -> Page | None:
    """Tracking with the whole video, beside the baselines with offline helpers."""
    parts: list[str] = []
    says: list[str] = []
    results: list[str] = []
    for key, title in SETS.items():
        name = f"tracking-{key}-whole"
        if have(name):
            results.append(name)
            content = read_figures(name)
            parts += [f"## {title}", _by_profile(content)]
            says.append(_says(title, content))
    if have("tracking-pets-whole"):
        results.append("tracking-pets-whole")
        content = read_figures("tracking-pets-whole")
        parts += ["## PETS09 from pixels, with embeddings", _from_pixels(content)]
        says.append(_says_from_pixels("PETS09 from pixels", content))
    tud = [name for name in _tud() if have(name)]
    if tud:
        results += tud
        parts += ["## TUD from pixels, with embeddings", _evaluated({name: _tud()[name] for name in tud})]
    if have("doubt"):
        results.append("doubt")
        for title, kinds in read_figures("doubt").items():
            parts += [f"## Doubt: {title}", _doubt(kinds)]
    if have("speed-whole"):
        results.append("speed-whole")
        parts += ["## Speed", _speed()]
    if not parts:
        return None
    about = (
        "Tracks that are decided with the whole video (`--whole`), HOTA in percent. All entrants get the same "
        "detections; *uneven* is the mean over the profiles that leave frames out. Each baseline is shown with the "
        "offline helper that is best for it on the set itself: straight lines across gaps, GSI of StrongSORT++, "
        "joined tracks, or their combinations. *Difference* is an entrant minus the first row, paired by sequence, "
        "with a 95 % bootstrap interval."
    )
    return Page("whole_video", "The whole video", about, tuple(parts), tuple(says), tuple(results))


def named(name: str) -> str:
    """An entrant's name for readers."""
    if name.endswith(" whole"):
        return f"{ENTRANTS[name.removesuffix(' whole')].split(' (')[0]}, with the whole video"
    run, _, helper = name.partition(", ")
    return f"{entrant(run)}; {helper}" if helper else entrant(run)


def _split(content: dict[str, Any]) -> tuple[Scores, dict[str, Any], dict[str, dict[str, str]]]:
    """The scores, the differences to the first entrant, and the best helpers of each baseline."""
    apart = ("differences", "best_helpers")
    scores = {name: of for name, of in content.items() if name not in apart}
    return scores, content["differences"][FIRST], content.get("best_helpers", {})


def _by_profile(content: dict[str, Any]) -> str:
    scores, differences, best = _split(content)
    profiles = list(scores[FIRST])
    uneven = [p for p in profiles if p in UNEVEN]
    groups = [group for group in GROUPS if (group == "full" and "full" in profiles) or (group == "uneven" and uneven)]
    head = ["HOTA", *(PROFILES[p] for p in profiles), "uneven", *(f"difference, {GROUPS[g]}" for g in groups)]
    shown = [name for name in scores if ", " not in name]
    shown += [name for name in dict.fromkeys(n for of in best.values() for n in of.values()) if name not in shown]
    rows = []
    for name in shown:
        of = scores[name]
        gaps = differences.get(name, {})
        rows.append(
            [
                named(name),
                *(number(hota(of, p)) for p in profiles),
                number(hota(of, *uneven)) if uneven else "-",
                *(interval(g["value"], g["low"], g["high"]) if (g := gaps.get(group)) else "" for group in groups),
            ]
        )
    return table(head, rows)


def _says(title: str, content: dict[str, Any]) -> str:
    scores, differences, best = _split(content)
    parts = []
    for group, label in (("full", "with all frames"), ("uneven", "under uneven time")):
        if not all(group in of for of in (*best.values(), *differences.values())):
            continue
        profiles = ["full"] if group == "full" else [p for p in scores[FIRST] if p in UNEVEN]
        ours = hota(scores[FIRST], *profiles)
        gap = differences["liquid"][group]
        online = interval(-gap["value"], -gap["high"], -gap["low"])
        text = f"the whole video gives {online} HOTA over online tracking"
        if best:
            name = max((of[group] for of in best.values()), key=lambda n: hota(scores[n], *profiles))
            rival = versus("it", ours, named(name), hota(scores[name], *profiles))
            text += f", and {rival}, the best baseline with its best helper"
        parts.append(f"{label} {text}")
    return f"{title}: {'; '.join(parts)}."


def _from_pixels(content: dict[str, Any]) -> str:
    ours, others = _pixel_scores(content)
    rows = [[name, *map(number, of.values())] for name, of in (ours | others).items()]
    return table(["HOTA", *(PROFILES[p] for p in content), "uneven"], rows)


def _pixel_scores(content: dict[str, Any]) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """HOTA by name and profile, and `uneven`: ours, the whole video first, and each baseline with its best helper."""
    uneven = [p for p in content if p in UNEVEN]
    scores = {}
    for name in next(iter(content.values()))["hota"]:
        of = {p: content[p]["hota"][name] for p in content}
        scores[name] = {**of, "uneven": sum(of[p] for p in uneven) / len(uneven)}
    ours = sorted((name for name in scores if name.startswith("liquidtrack")), reverse=True)
    best: dict[str, str] = {}
    for name in scores:
        run = name.partition(", ")[0]
        if name not in ours and (run not in best or scores[name]["uneven"] > scores[best[run]]["uneven"]):
            best[run] = name
    return (
        {name.replace(" whole", ", with the whole video"): scores[name] for name in ours},
        {named(name): scores[name] for name in best.values()},
    )


def _says_from_pixels(title: str, content: dict[str, Any]) -> str:
    ours, others = _pixel_scores(content)
    parts = []
    for profile, label in (("full", "with all frames"), ("uneven", "under uneven time")):
        best = max(others, key=lambda name: others[name][profile])
        value = next(iter(ours.values()))[profile]
        parts.append(f"{label} {versus('the whole video', value, best, others[best][profile])}")
    return f"{title}: {'; '.join(parts)}."


def _tud() -> dict[str, str]:
    return {
        f"tracking-tud-{place}-{way}": f"TUD-{place.capitalize()}, {label}"
        for place in ("campus", "stadtmitte")
        for way, label in (("whole", "with the whole video"), ("online", "online"))
    }


def _evaluated(titles: dict[str, str]) -> str:
    rows = []
    for name, title in titles.items():
        scores = read_figures(name)[0]["combined"]
        rows.append([title, *(number(scores[metric]) for metric in ("hota", "assa", "idf1", "mota"))])
    return table(["all frames", "HOTA", "AssA", "IDF1", "MOTA"], rows)


def _doubt(kinds: dict[str, Any]) -> str:
    head = [
        "decisions",
        "number",
        "wrong",
        *(f"wrong among the {100 * float(s):g} % least sure" for s in SHARES),
        "calibration error",
        "among the 10 % least sure",
    ]
    rows = []
    for kind, title in KINDS.items():
        if kind in kinds:
            d = kinds[kind]
            cells = [_share(d["shares"][share]) for share in SHARES]
            errors = [number(value, 3) for value in (d["ece_mass"]["value"], d["ece_doubtful"])]
            rows.append([title, str(d["decisions"]), str(d["wrong"]), *cells, *errors])
    return table(head, rows)


def _share(of: dict[str, float]) -> str:
    low, high = 100 * of["low"], 100 * of["high"]
    return "-" if of["value"] != of["value"] else f"{100 * of['value']:.0f} % [{low:.0f}, {high:.0f}]"


def _speed() -> str:
    figures, machine = read_figures("speed-whole"), read_record("speed-whole")["machine"]
    frames = figures["frames"]
    rows = [
        [title, number(of["seconds"]), number(1000 * of["seconds"] / frames, 2), number(of["memory"] / 2**20, 0)]
        for name, title in (("online", "online"), ("whole", "with the whole video"))
        if (of := figures[name])
    ]
    ratio = figures["whole"]["seconds"] / figures["online"]["seconds"]
    each = figures["online"]["detections"] / frames
    note = f"{frames:,} frames with {each:.1f} detections each, on {machine}; {ratio:.2f} times online."
    if again := figures.get("constraints"):
        note += (
            f" After a constraint, {again['pieces']:,} pieces and {again['pairs']:,} pairs are solved again in "
            f"{1000 * again['median']:.0f} ms (median of {again['constraints']}), "
            f"at most {1000 * again['most']:.0f} ms."
        )
    return table(["", "seconds", "milliseconds a frame", "most memory, MiB"], rows) + f"\n\n{note}"
