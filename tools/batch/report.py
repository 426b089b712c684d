"""The page about a batch: one HTML file without anything from elsewhere, or Markdown."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable
from urllib.parse import quote

from models.checks.printable import one_line
from tools.batch.config import ENDINGS
from tools.batch.results import ResultFolder
from tools.batch.summary import SummaryRow

DONE = ("done", "changed")  # states with results
MAX_PICTURES = 1000  # in one page; about 10 kB each
MAX_ERRORS = 500  # listed on top of the page

_STYLE = """
:root{color-scheme:light dark;--line:#d5d9e0;--soft:#5c6470;--bad:#b3261e;--ground:#fff;--card:#f6f7f9;--ink:#16191d}
@media (prefers-color-scheme:dark){:root{--line:#363b44;--soft:#a2aab6;--bad:#ff8a80;--ground:#14171b;--card:#1d2127;
--ink:#e9ecf0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:84rem;padding:1.5rem;font:15px/1.45 system-ui,sans-serif;background:var(--ground);
color:var(--ink)}
h1{font-size:1.4rem;margin:0 0 .25rem}h2{font-size:1.05rem;margin:1.75rem 0 .5rem}
p{margin:.25rem 0}.soft{color:var(--soft)}.bad{color:var(--bad)}
dl{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin:1rem 0 0}dt{color:var(--soft);font-size:.8rem}
dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
ul.errors{list-style:none;margin:0;padding:.25rem .9rem;border:1px solid var(--bad);border-radius:.5rem}
ul.errors li{padding:.35rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
ul.errors li:last-child{border:0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.9rem}
.card{background:var(--card);border:1px solid var(--line);border-radius:.5rem;overflow:hidden}
.card img,.none{display:block;width:100%;aspect-ratio:16/10;object-fit:contain;background:#0d0f12}
.none{color:#8b939e;display:grid;place-items:center;font-size:.85rem}
.card div.text{padding:.6rem .75rem .7rem}.name{font-weight:600;overflow-wrap:anywhere}
.card p{font-variant-numeric:tabular-nums}.card a{color:inherit}
details{font-size:.85rem}summary{cursor:pointer;color:var(--soft)}
"""
_SIGNS = "\\`*_[]#|~"  # of Markdown
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(rows: Iterable[SummaryRow], folder: ResultFolder, name: str, title: str) -> None:
    """Writes the page; its kind follows from the suffix of `name`."""
    found = list(rows)
    text = _markdown(found, title) if name.endswith(".md") else _html(found, folder, title)
    folder.put(name, text.encode("utf-8", "surrogateescape"))


def counted(rows: list[SummaryRow]) -> dict[str, str]:
    """The figures on top."""
    done = [row for row in rows if row.state in DONE]  # their results are there, as asked for or not
    figures = {
        "recordings": f"{len(rows):,}",
        "done": f"{sum(row.state == 'done' for row in rows):,}",
        "changed": f"{sum(row.state == 'changed' for row in rows):,}",
        "failed": f"{sum(row.state == 'failed' for row in rows):,}",
        "open": f"{sum(row.state == 'open' for row in rows):,}",
        "frames": f"{sum(row.frames or 0 for row in done):,}",
        "video": duration(sum(row.seconds or 0.0 for row in done)),
        "tracks": f"{sum(row.tracks or 0 for row in done):,}",
    }
    return {name: value for name, value in figures.items() if value != "0" or name in ("recordings", "done")}


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(7.25), duration(754), duration(7300)
    ('7.2 s', '12 min 34 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _html(rows: list[SummaryRow], folder: ResultFolder, title: str) -> str:
    out = io.StringIO()
    name = _shown(title)
    out.write(
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
        f'<meta name="generator" content="liquidtrack batch"><meta http-equiv="Content-Security-Policy" '
        f'content="{_POLICY}">\n<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>{name}</h1>\n<dl>"
    )
    for what, figure in counted(rows).items():
        bad = ' class="bad"' if what == "failed" else ""
        out.write(f"<div><dt>{what}</dt><dd{bad}>{figure}</dd></div>")
    out.write("</dl>\n")
    failed = [row for row in rows if row.state not in DONE and row.error]
    if failed:
        out.write(f'<h2 class="bad">What went wrong ({len(failed):,})</h2>\n<ul class="errors">')
        for row in failed[:MAX_ERRORS]:
            out.write(f"<li><b>{_shown(row.recording)}</b><br>{_shown(row.error)}</li>")
        more = len(failed) - MAX_ERRORS
        out.write(f"<li>and {more:,} more, in summary.csv</li>" if more > 0 else "")
        out.write("</ul>\n")
    out.write('<h2>Recordings</h2>\n<div class="cards">\n')
    for number, row in enumerate(row for row in rows if row.state in DONE):
        out.write(_card(row, folder, number < MAX_PICTURES))
    out.write("</div>\n")
    if left := [row for row in rows if row.state == "open"]:
        names = "".join(f"<li>{_shown(row.recording)}</li>" for row in left[:MAX_ERRORS])
        out.write(f"<details><summary>{len(left):,} not tracked yet</summary><ul>{names}</ul></details>\n")
    out.write("</body></html>\n")
    return out.getvalue()


def _card(row: SummaryRow, folder: ResultFolder, pictured: bool) -> str:
    data = (folder.thumbnail(row.results) if pictured else None) or b""
    if data:
        coded = base64.b64encode(data).decode()
        top = f'<img loading="lazy" alt="a frame with its tracks" src="data:image/jpeg;base64,{coded}">'
    else:
        top = '<div class="none">no picture</div>'
    lines = [f'<p class="name">{_shown(row.recording)}</p>']
    took = "" if row.processing_seconds is None else f", took {duration(row.processing_seconds)}"
    lines.append(f'<p class="soft">{row.frames:,} frames, {duration(row.seconds or 0.0)}{took}</p>')
    tracks = f"{row.tracks:,} track{'' if row.tracks == 1 else 's'}"
    lines.append(f"<p>{tracks}{': ' if row.classes else ''}{_shown(row.classes)}</p>")
    lines.append(f"<p>{_links(row)}</p>")
    if row.error:
        lines.append(f'<p class="bad">{_shown(row.error)}</p>')
    if row.warnings:
        lines.append(f"<details><summary>warnings</summary>{_shown(row.warnings)}</details>")
    return f'<div class="card">{top}<div class="text">{"".join(lines)}</div></div>\n'


def _links(row: SummaryRow) -> str:
    found, own = [], row.results.rpartition("/")[2]
    for name, ending in ENDINGS.items():
        if f"{own}{ending}" in row.outputs:
            place = quote(f"{row.results}{ending}".encode("utf-8", "surrogateescape"))
            found.append(f'<a href="./{html.escape(place)}">{name}</a>')
    return " · ".join(found)


def _shown(text: str) -> str:
    return html.escape(one_line(text))


def _markdown(rows: list[SummaryRow], title: str) -> str:
    lines = [f"# {_cell(title)}", "", ", ".join(f"{what}: {figure}" for what, figure in counted(rows).items()), ""]
    failed = [row for row in rows if row.state not in DONE and row.error]
    if failed:
        lines += ["## What went wrong", ""]
        lines += [f"- **{_cell(row.recording)}**: {_cell(row.error)}" for row in failed]
        lines.append("")
    lines += ["## Recordings", "", "| recording | state | frames | video | tracks | classes | warnings |"]
    lines.append("|---|---|---:|---:|---:|---|---|")
    for row in rows:
        figures = ("", "", "")
        if row.state in DONE:
            figures = (f"{row.frames}", duration(row.seconds or 0.0), f"{row.tracks}")
        notes = " | ".join(filter(None, (row.error if row.state in DONE else "", row.warnings)))
        cells = (_cell(row.recording), row.state, *figures, _cell(row.classes), _cell(notes))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in html.escape(one_line(text), quote=False))
