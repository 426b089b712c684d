"""The results page about the promises of liquid networks: a row for each promise, its experiment and its figure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from result_files import read_figures
from result_tables import PROFILES, Page, have, hota, interval, number, table

W = "liquid:weights/control-"
SETS = {"mot17": "MOT17", "dancetrack": "DanceTrack"}
KINDS = {"switching": "the rate switches", "interrupted": "gaps of 1 to 5 s"}
VERDICTS = {
    "ahead": "Liquid is ahead of its control",
    "level": "Liquid and its control are level",
    "behind": "Liquid is behind its control",
    "mixed": "Ahead in one case and behind in another",
    "holds": "Holds",
    "does not hold": "Does not hold",
}
Gap = dict[str, float]  # a difference: value, low, high


class Promise(NamedTuple):
    """One row.

    Attributes:
        promise: what is said of liquid networks.
        experiment: what was done, with the controls.
        figure: what came out.
        verdict: in one or two words, from the figures alone.
        results: names of the results that it reads.
    """

    promise: str
    experiment: str
    figure: str
    verdict: str
    results: tuple[str, ...]


def liquid() -> Page | None:
    """Every promise that was measured."""
    found = [promise for make in PROMISES if (promise := make()) is not None]
    if not found:
        return None
    rows = [[p.promise, p.experiment, p.figure, p.verdict] for p in found]
    about = (
        "What is promised of liquid networks, and what came out here. A difference is liquid minus the control, with "
        "its 95 % interval; *ahead* and *behind* are said where the interval has no 0 in it."
    )
    names = tuple(dict.fromkeys(name for p in found for name in p.results))
    parts = [table(["promise", "experiment", "figure", "verdict"], rows).replace("---:", "---")]
    parts += [part for part in (_rate_table(), _clock_table(), _gradient_table()) if part]
    return Page("liquid", "The promises of liquid networks", about, tuple(parts), _says(found), names)


def _says(found: list[Promise]) -> tuple[str, ...]:
    """Which promises hold, in as few sentences as there are verdicts."""
    said: dict[str, list[str]] = {}
    for promise in found:
        said.setdefault(promise.verdict, []).append(promise.promise)
    return tuple(f"{VERDICTS[verdict]}: {'; '.join(names)}." for verdict, names in said.items())


def _verdict(*gaps: Gap) -> str:
    """Ahead or behind if all differences are so or level, and one is."""
    ahead, behind = any(gap["low"] > 0 for gap in gaps), any(gap["high"] < 0 for gap in gaps)
    return "mixed" if ahead and behind else "ahead" if ahead else "behind" if behind else "level"


def _shown(gap: Gap, digits: int = 1) -> str:
    return interval(gap["value"], gap["low"], gap["high"], digits)


def _turned(gap: Gap) -> Gap:
    """Liquid minus the control, of the control minus liquid."""
    return {"value": -gap["value"], "low": -gap["high"], "high": -gap["low"]}


def _tracking(control: str) -> tuple[str, list[Gap], tuple[str, ...]]:
    """(text, differences, results) of liquid minus a control on uneven time, where it was measured."""
    names = {key: f"tracking-{key}" for key in SETS if have(f"tracking-{key}")}
    gaps = {
        key: _turned(read_figures(name)["differences"]["liquid"][f"{W}{control}.safetensors"]["uneven"])
        for key, name in names.items()
    }
    text = ", ".join(f"{SETS[key]} {_shown(gap)}" for key, gap in gaps.items())
    return f"{text} HOTA", list(gaps.values()), tuple(names.values())


def _memory() -> Promise | None:
    text, gaps, names = _tracking("memoryless")
    if not gaps:
        return None
    about = "tracking at uneven time, beside a head without memory trained alike (`bench mot`)"
    return Promise("a memory in true time helps", about, text, _verdict(*gaps), names)


def _better_than_gru() -> Promise | None:
    text, gaps, names = _tracking("gru-dt")
    if not gaps:
        return None
    about = "the same, beside a GRU that is told the elapsed time"
    return Promise("better than gated networks", about, text, _verdict(*gaps), names)


def _rates(control: str) -> tuple[str, list[Gap]]:
    """(text, differences) of liquid minus a control on each profile whose rate changes or is low."""
    gaps = {p: _turned(gap) for p, gap in read_figures("liquid-rates")["differences"]["liquid"][control].items()}
    return ", ".join(f"{PROFILES[p]} {_shown(gap)}" for p, gap in gaps.items()) + " HOTA", list(gaps.values())


def _changing_rate() -> Promise | None:
    if not have("liquid-rates"):
        return None
    text, gaps = _rates(f"{W}gru-dt.safetensors")
    about = "MOT17 at rates that change or are low, beside a GRU that is told the elapsed time (`bench mot`)"
    return Promise("made for uneven time", about, text, _verdict(*gaps), ("liquid-rates",))


def _time_in_the_tracker() -> Promise | None:
    if not have("liquid-rates"):
        return None
    text, gaps = _rates("liquid-shuffled")
    about = "the same, beside the same head whose memory hears the elapsed time of another track"
    return Promise("the memory uses its clock, in the tracker", about, text, _verdict(*gaps), ("liquid-rates",))


def _clock() -> Promise | None:
    if not have("liquid-clock"):
        return None
    figures = read_figures("liquid-clock")
    gaps = {kind: figures[kind]["differences"] for kind in KINDS}
    untimed = {kind: next(gap for name, gap in of.items() if ":untimed" in name) for kind, of in gaps.items()}
    text = ", ".join(f"{KINDS[kind]} {_shown(gap)}" for kind, gap in untimed.items())
    about = (
        "right tracks in percent on clips whose rate changes, with no other source of time, beside the same cell "
        "without a clock (`bench clock`)"
    )
    return Promise("a clock of its own", about, f"{text} points", _verdict(*untimed.values()), ("liquid-clock",))


def _clock_beside_gru() -> Promise | None:
    if not have("liquid-clock"):
        return None
    figures = read_figures("liquid-clock")
    text, found = [], []
    for kind, title in KINDS.items():
        for name, gap in figures[kind]["differences"].items():
            if " gru-" in name:
                text.append(f"{name.split(' minus ')[1].partition(',')[0]}, {title} {_shown(gap)}")
                found.append(gap)
    if not found:
        return None
    about = "the same, beside GRUs that are told the time or decay with it"
    return Promise(
        "a better clock than that of others", about, "; ".join(text) + " points", _verdict(*found), ("liquid-clock",)
    )


def _weather() -> Promise | None:
    names = tuple(name for name in ("liquid-weather", "liquid-weather-missing") if have(name))
    text, found = [], []
    for name in names:
        figures = read_figures(name)
        # errors: less is better
        gaps = {cell: _turned(gap) for cell, gap in figures["differences"].items() if _is_liquid(cell)}
        # the liquid cell is chosen on the validation set, as the control is
        best = min(gaps, key=lambda cell: _mean([c["valid"]["loss"] for c in figures["cells"] if c["cell"] == cell]))
        share = f"{100 * figures['drop']:.0f} % missing"
        error = _shown(figures["differences"][best], 3)
        text.append(f"{share}: squared error of `{best}` {error} beside `{figures['reference']}` (less is better)")
        found.append(gaps[best])
    if not found:
        return None
    about = "the weather 6 hours later (`bench cells weather`), the best liquid cell beside the best gated one"
    return Promise("good at time series", about, "; ".join(text), _verdict(*found), names)


def _sentiment() -> Promise | None:
    if not have("liquid-sentiment"):
        return None
    figures = read_figures("liquid-sentiment")
    cells = {row["cell"]: row for row in figures["cells"]}
    # the liquid cell is chosen on the validation set
    liquid = max((c for c in cells if _is_liquid(c)), key=lambda c: sum(cells[c]["valid"]))
    gap, bag = cells[liquid]["difference"], cells["bag of words"]
    text = (
        f"`{liquid}` {_shown(gap)} points beside the {figures['reference'].upper()} of equal size; "
        f"a bag of words has {number(bag['test'][0])} %, `{liquid}` {number(_mean(cells[liquid]['test']))} %"
    )
    about = f"sentiment of {figures['texts']} (`bench sentiment`)"
    return Promise("good at natural language", about, text, _verdict(gap), ("liquid-sentiment",))


def _gradients() -> Promise | None:
    if not have("liquid-gradients"):
        return None
    norms = read_figures("liquid-gradients")["norms"]
    last = min(50, len(norms["ltc"]) - 1)
    text = (
        f"after {last} steps {norms['ltc'][last]:.0e} through an LTC, {norms['mixed-ltc'][last]:.0e} with a gated "
        f"memory beside it, {norms['lstm'][last]:.0e} through an LSTM"
    )
    helped = norms["mixed-ltc"][last] > norms["ltc"][last]
    about = "norm of the gradient by an input some steps before, untrained cells (`bench gradients`)"
    verdict = "holds" if helped and norms["ltc"][last] < norms["lstm"][last] else "does not hold"
    return Promise(
        "gradients vanish, unless a gated memory stands beside it", about, text, verdict, ("liquid-gradients",)
    )


def _noise() -> Promise | None:
    if not have("liquid-noise", "tracking-mot17"):
        return None
    clean, noisy = read_figures("tracking-mot17"), read_figures("liquid-noise")
    lost = {
        name: clean[name]["drop70"][0]["hota"] - noisy[name]["drop70"][0]["hota"]
        for name in ("liquid", f"{W}gru-dt.safetensors")
    }
    gap = _turned(noisy["differences"]["liquid"][f"{W}gru-dt.safetensors"]["uneven"])
    ours, other = lost.values()
    text = f"{number(ours)} HOTA lost, a GRU loses {number(other)}; under noise {_shown(gap)} HOTA"
    about = "MOT17, 70 % of the frames dropped, boxes moved by 5 % of their size, beside a GRU that is told the time"
    return Promise("robust to noise", about, text, _verdict(gap), ("liquid-noise", "tracking-mot17"))


def _on_the_job() -> Promise | None:
    if not have("liquid-adapt"):
        return None
    [camera] = read_figures("liquid-adapt")["cameras"]
    gaps = camera["gaps"]
    text = f"uneven {_shown(gaps['uneven'])} HOTA, all frames {_shown(gaps['full'])}"
    about = (
        "a head that had seen people alone adapts to eight simulated drives without labels, on the same drives beside "
        "the head without adaptation (`bench adapt`)"
    )
    return Promise("it learns on the job", about, text, _verdict(gaps["uneven"]), ("liquid-adapt",))


def _architecture() -> Promise | None:
    if not have("liquid-sizes"):
        return None
    figures = read_figures("liquid-sizes")
    given, gaps = figures["heads"][0], {(d["kind"], d["numbers"], d["minus"]): d for d in figures["differences"]}
    halves = {key: gap for key, gap in gaps.items() if key[0] == "pruned" and key[1] <= given["numbers"] / 2}
    grown = {key: gap for key, gap in gaps.items() if key[0] == "grown" and key[2] == "scratch"}
    if not halves or not grown:
        return None
    half, large = max(halves, key=lambda key: key[1]), max(grown, key=lambda key: key[1])
    text = (
        f"pruned from {given['numbers']:,} to {half[1]:,} numbers {_shown(halves[half])} HOTA; grown to {large[1]:,} "
        f"in a third of the steps {_shown(grown[large])} HOTA beside one trained from scratch"
    )
    about = "heads pruned, grown and trained from scratch on the same clips (`bench sizes`)"
    return Promise("it can change its neurons", about, text, _verdict(halves[half], grown[large]), ("liquid-sizes",))


def _labels() -> Promise | None:
    if not have("liquid-labels"):
        return None
    gaps = [d for d in read_figures("liquid-labels")["differences"] if d["minus"] == "gru"]
    if not gaps:
        return None
    few = sorted(gaps, key=lambda d: d["sequences"])[:2]
    text = ", ".join(f"{d['sequences']} labelled sequences {_shown(d)}" for d in few)
    about = "heads trained from few sequences, beside a GRU that is told the elapsed time (`bench labels`)"
    return Promise("little labelled data", about, f"{text} HOTA", _verdict(*few), ("liquid-labels",))


PROMISES: tuple[Callable[[], Promise | None], ...] = (
    _memory,
    _better_than_gru,
    _changing_rate,
    _time_in_the_tracker,
    _clock,
    _clock_beside_gru,
    _on_the_job,
    _architecture,
    _labels,
    _noise,
    _weather,
    _sentiment,
    _gradients,
)


def _is_liquid(cell: str) -> bool:
    return "cfc" in cell or "ltc" in cell


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _rate_table() -> str:
    """HOTA at rates that change, of the head and its controls."""
    if not have("liquid-rates"):
        return ""
    figures = {name: of for name, of in read_figures("liquid-rates").items() if name != "differences"}
    profiles = list(next(iter(figures.values())))
    names = {name: f"`{name.removeprefix(W).removesuffix('.safetensors')}`" for name in figures}
    rows = [[names[name], *(number(hota(of, p)) for p in profiles)] for name, of in figures.items()]
    about = (
        "HOTA on MOT17's second halves. `gru-dt`: a GRU that is told the elapsed time; `none`: no cell, but the "
        "averages of each track; `memoryless`: neither; `liquid-shuffled`: the memory hears the elapsed time of "
        "another track. That is often the same time, since all tracks wait for the next frame; `bench clock` takes "
        "the intervals of other moments."
    )
    return "\n\n".join(["## Changing rates", about, table(["", *(PROFILES[p] for p in profiles)], rows)])


def _clock_table() -> str:
    """Right tracks by the time since the last match."""
    if not have("liquid-clock"):
        return ""
    figures: dict[str, Any] = read_figures("liquid-clock")
    about = (
        "By the seconds since a track's latest match. Heads were trained alike, without any feature that tells the "
        "time. `untimed`: told that all intervals are equal; `shuffled`: told those of other moments; `gru-dt`: a GRU "
        "that is told the elapsed time; `gru-decay`: one whose state decays with it; `none`: no cell."
    )
    parts = ["## A clock of its own", about]
    for kind, title in KINDS.items():
        of = figures[kind]["right"]
        bins = [name for name in next(iter(of.values())) if name not in ("all", "seeds")]
        rows = [[f"`{name}`", *(number(values[part]) for part in (*bins, "all"))] for name, values in of.items()]
        parts.append(table([f"right tracks, %; {title}", *bins, "all"], rows))
    return "\n\n".join(parts)


def _gradient_table() -> str:
    if not have("liquid-gradients"):
        return ""
    content = read_figures("liquid-gradients")
    norms = content["norms"]
    steps = [k for k in (0, 10, 25, 50) if k < len(next(iter(norms.values())))]
    rows = [[f"`{cell}`", *(f"{values[k]:.1e}" for k in steps)] for cell, values in norms.items()]
    about = (
        f"Norm of the gradient of the last output by an input some steps before, for untrained cells of "
        f"{content['units']} units; the median of {content['seeds']} seeds."
    )
    return "\n\n".join(["## Gradients", about, table(["steps back", *map(str, steps)], rows)])
