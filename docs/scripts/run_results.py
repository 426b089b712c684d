"""Run the commands of docs/results/commands.toml; each writes docs/results/<name>.json and what it was measured with.

python docs/scripts/run_results.py DATA MODELS [--only 'tracking-*'] [--jobs 2] [--out docs/results]

DATA holds the research data (mot, detect, ...), MODELS the published detectors; --contrib names an environment of its
own with opencv-contrib-python, for CSRT and KCF. Results that are there already, of the same command and the same
weights, are left as they are, so that an interrupted run goes on where it stopped; --again measures them anew. Exit
status 1 where a command failed; the others have run all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from result_files import ROOT, Result, read_commands, weights_of

PROGRAM = [sys.executable, "-m", "tools.cli.main"]


def run(result: Result, out: Path, links: dict[str, Path], keep: Path | None = None) -> str | None:
    """What went wrong, or None once the figures and their record stand in `out`; `keep` is for its other files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) if keep is None else keep.absolute() / result.name
        folder.mkdir(parents=True, exist_ok=True)
        for link, target in links.items():
            (folder / link).unlink(missing_ok=True)
            (folder / link).symlink_to(target)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        began = time.monotonic()
        last = [*shlex.split(result.command), "--json", "figures.json", "--overwrite"]
        for arguments in [shlex.split(result.before)] * bool(result.before) + [last]:
            done = subprocess.run(
                [*PROGRAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                return (done.stderr.strip() or done.stdout.strip())[-400:] or f"ended with status {done.returncode}"
        figures = (folder / "figures.json").read_text(encoding="utf-8")
    record = {
        "command": result.command,
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(time.monotonic() - began, 1),
        "machine": f"{os.cpu_count()} cores, {_processor()}" if result.quiet else "any",
        "weights": weights_of(result),
    }
    (out / f"{result.name}.json").write_text(figures.rstrip() + "\n", encoding="utf-8")
    (out / f"{result.name}.run.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return None


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _fresh(result: Result, out: Path) -> bool:
    record, figures = out / f"{result.name}.run.json", out / f"{result.name}.json"
    if not (record.exists() and figures.exists()):
        return False
    known = json.loads(record.read_text(encoding="utf-8"))
    return bool(known["command"] == result.command and known["weights"] == weights_of(result))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the research data")
    parser.add_argument("models", type=Path, help="folder of the published detectors")
    parser.add_argument("--only", nargs="+", default=["*"], help="names, * for any letters (default: all)")
    parser.add_argument("--skip", nargs="+", default=[], help="names to leave out, * for any letters")
    parser.add_argument("--jobs", type=int, default=1, help="commands at a time (default: 1); times are taken alone")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results", help="folder of the results")
    parser.add_argument("--again", action="store_true", help="also what is measured already")
    parser.add_argument("--contrib", type=Path, help="environment with opencv-contrib-python, whose trackers run too")
    parser.add_argument("--keep", type=Path, help="folder for trainings, which go on there after an interruption")
    options = parser.parse_args()
    links = {"data": options.data.resolve(), "models": options.models.resolve(), "weights": ROOT / "tests/weights"}
    if options.contrib is not None:
        links["contrib"] = options.contrib.absolute()
    missing = [str(path) for path in links.values() if not path.is_dir()]
    if missing:
        print(f"{missing[0]}: there is no such folder; name the folders of the data and of the detectors.")
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    wanted = [
        result
        for result in read_commands()
        if any(fnmatch(result.name, pattern) for pattern in options.only)
        and not any(fnmatch(result.name, pattern) for pattern in options.skip)
        and (options.again or not _fresh(result, options.out))
    ]

    def one(result: Result) -> bool:
        began = time.monotonic()
        wrong = run(result, options.out, links, options.keep)
        print(f"{result.name}: {wrong or f'{time.monotonic() - began:.0f} s'}", flush=True)
        return wrong is None

    with ThreadPoolExecutor(max(options.jobs, 1)) as pool:
        good = list(pool.map(one, [result for result in wanted if not result.quiet]))
    good += [one(result) for result in wanted if result.quiet]  # nothing beside them
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
