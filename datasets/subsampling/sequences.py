"""Temporal subsampling of a video or a MOTChallenge folder: drops frames so that the rest has uneven times.

The kept frames depend only on the profile, the seed and the sequence's name, so that all programs use the same frames.

    full      every frame
    stride5   every 5th frame (any number is allowed): an even, low rate
    drop70    each frame is dropped with probability 0.7, independently
    jitter    gaps drawn uniformly from 1..9 frames
    bursty    alternates 0.3 to 1.5 s at full rate and 0.3 to 1.5 s without frames
    switching    alternates 1 to 3 s at full rate and 1 to 3 s at a tenth of it
    interrupted  alternates 0.5 to 1.5 s at full rate and 1 to 5 s without frames
"""

from __future__ import annotations

import configparser
import hashlib
import os
from pathlib import Path

import numpy as np

from datasets.formats.text import read_text
from datasets.subsampling.patterns import PATTERNS
from models.errors import ConfigError, DataError
from tracker.types import Int64

PROFILES = ("full", "stride5", "stride10", "drop70", "jitter", "bursty", "switching", "interrupted")
UNEVEN = ("stride5", "drop70", "jitter", "bursty")  # the profiles that "uneven mean" averages


def thin_indices(n: int, rate: float, profile: str, name: str, seed: int = 0) -> Int64:
    """The frames of a sequence that `profile` keeps: sorted, counted from 0, always including the first.

    Args:
        n: number of frames of the sequence.
        rate: frames a second of the sequence, used where stretches are drawn in seconds.
        profile: name of the profile.
        name: name of the sequence.
        seed: seed of the random numbers.

    Raises:
        ConfigError: there is no such profile.
    """
    digest = hashlib.sha256(f"{name}:{profile}:{seed}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    if profile == "full":
        return np.arange(n)
    if profile.startswith("stride") and profile[6:].isdecimal() and int(profile[6:]) > 0:
        return np.arange(0, n, int(profile[6:]))
    if profile == "drop70":
        kept = rng.random(n) >= 0.7
        kept[:1] = True
        return np.flatnonzero(kept)
    if profile == "jitter":
        at = np.concatenate([[0], np.cumsum(rng.integers(1, 10, size=n))])
        return np.asarray(at[at < n], np.int64)
    if profile == "bursty":
        kept, i = np.zeros(n, bool), 0
        while i < n:
            on = max(1, round(rng.uniform(0.3, 1.5) * rate))
            kept[i : i + on] = True
            i += on + max(1, round(rng.uniform(0.3, 1.5) * rate))
        return np.flatnonzero(kept)
    if profile in PATTERNS:
        at = PATTERNS[profile](n, rate, rng)
        return at[at < n]
    raise ConfigError(f"there is no profile {profile!r}; the profiles are {', '.join(PROFILES)}.")


def is_even(profile: str) -> bool:
    """Whether a profile keeps frames at equal intervals; then the seed has no effect."""
    return profile == "full" or profile.startswith("stride")


def thin(root: Path, out: Path, profile: str, seed: int = 0, images: bool = False) -> dict[str, Int64]:
    """Subsamples every `<sequence>/{seqinfo.ini, det/det.txt, gt/gt.txt, gmc.txt}` under `root` into `out`.

    The kept frames are renumbered from 1. `times.csv` holds frame, source_frame and time in seconds from the source's
    first frame. seqinfo.ini keeps the source's nominal rate. `gmc.txt` (frame, a11, a12, tx, a21, a22, ty) maps the
    pixels of the previous *kept* frame to those of this frame. Any text file of the input may be gzipped.

    Args:
        root: folder of the sequences.
        out: folder to write.
        profile: name of the profile.
        seed: seed of the random numbers.
        images: whether to link the kept images into `img1/`.

    Returns:
        The kept source frames, from 0, of each sequence.

    Raises:
        ConfigError: there is no such profile, or `root` holds no sequence.
        DataError: a file does not follow its format.
    """
    found = sorted(path.parent for path in root.glob("*/seqinfo.ini"))
    if not found:
        raise ConfigError(f"{root} holds no <sequence>/seqinfo.ini; name a MOTChallenge folder.")
    return {s.name: thin_sequence(s, out / s.name, profile, seed, images) for s in found}


def thin_sequence(sequence: Path, out: Path, profile: str, seed: int = 0, images: bool = False) -> Int64:
    """`thin` for one sequence's folder; returns the kept source frames, from 0."""
    ini = configparser.ConfigParser(interpolation=None)
    ini.optionxform = str  # type: ignore[assignment,method-assign]  # seqLength, not seqlength
    try:
        ini.read_string(read_text(sequence / "seqinfo.ini"))
        info = ini["Sequence"]
        n, rate = int(info["seqLength"]), float(info["frameRate"])
    except (configparser.Error, KeyError, ValueError):
        raise DataError(f"{sequence / 'seqinfo.ini'} needs numbers seqLength and frameRate in [Sequence].") from None
    kept = thin_indices(n, rate, profile, sequence.name, seed)
    new = {int(source) + 1: k + 1 for k, source in enumerate(kept)}
    out.mkdir(parents=True, exist_ok=True)
    for name in ("det/det.txt", "gt/gt.txt"):
        if (path := _either(sequence / name)) is not None:
            (out / name).parent.mkdir(exist_ok=True)
            lines = [f"{new[frame]},{rest}" for frame, rest in _rows(path) if frame in new]
            (out / name).write_text("\n".join(lines) + "\n")
    if (path := _either(sequence / "gmc.txt")) is not None:
        (out / "gmc.txt").write_text("\n".join(_compose(path, kept)) + "\n")
    table = ["frame,source_frame,time", *(f"{k + 1},{s + 1},{s / rate:.6f}" for k, s in enumerate(kept))]
    (out / "times.csv").write_text("\n".join(table) + "\n")
    info["seqLength"] = str(len(kept))
    with (out / "seqinfo.ini").open("w") as file:
        ini.write(file, space_around_delimiters=False)
    if images and (sequence / "img1").is_dir():
        (out / "img1").mkdir(exist_ok=True)
        suffix = info.get("imExt", ".jpg")
        for source, k in new.items():
            link = out / "img1" / f"{k:06d}{suffix}"
            if not link.exists():
                os.symlink((sequence / "img1" / f"{source:06d}{suffix}").resolve(), link)
    return kept


def _either(path: Path) -> Path | None:
    """The file, or its gzipped version; None if neither exists."""
    return next((p for p in (path, path.with_name(path.name + ".gz")) if p.is_file()), None)


def _rows(path: Path) -> list[tuple[int, str]]:
    """(frame, rest of the line), sorted by frame; the rest is unchanged."""
    rows = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            frame, _, rest = line.partition(",")
            try:
                rows.append((int(float(frame)), rest))
            except (ValueError, OverflowError):
                raise DataError(f"{path} line {number}: {frame[:40]!r} is no frame number.") from None
    return sorted(rows, key=lambda row: row[0])


def _compose(path: Path, kept: Int64) -> list[str]:
    """Camera motion between consecutive kept frames; row i (from 0) of the file maps frame i - 1 to frame i."""
    step = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if words := line.replace(",", " ").split():
            try:
                step[int(float(words[0]))] = np.array([*map(float, words[1:7]), 0, 0, 1]).reshape(3, 3)
            except (ValueError, OverflowError):
                raise DataError(f"{path} line {number}: needs a frame number and six numbers of a 2x3 map.") from None
    lines, last = [], 0
    for k, source in enumerate(kept.tolist()):
        whole = np.eye(3)
        for i in range(last + 1, source + 1):
            whole = step.get(i, np.eye(3)) @ whole
        last = source
        lines.append(f"{k + 1}," + ",".join(f"{v:.6g}" for v in whole[:2].ravel()))
    return lines
