"""Temporal subsampling: the same frames as the project's reference script, and consistent files."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.subsampling.patterns import PATTERNS
from datasets.subsampling.sequences import PROFILES, thin, thin_indices
from models.errors import ConfigError, DataError


@given(st.integers(0, 400), st.sampled_from([1.0, 7.0, 29.97, 60.0]), st.sampled_from(PROFILES), st.integers(0, 99))
def test_indices_are_sorted_and_start_at_the_first(n: int, rate: float, profile: str, seed: int) -> None:
    kept = thin_indices(n, rate, profile, "any", seed)
    assert (np.diff(kept) > 0).all()
    assert kept.dtype == np.int64
    assert len(kept) == 0 if n == 0 else kept[0] == 0
    assert len(kept) == 0 or kept[-1] < n
    assert np.array_equal(kept, thin_indices(n, rate, profile, "any", seed))


def test_each_profile_has_its_stated_gaps() -> None:
    n, rate = 20_000, 25.0
    kept = {p: thin_indices(n, rate, p, "long") for p in PROFILES}
    assert len(kept["full"]) == n
    assert set(np.diff(kept["stride10"])) == {10}
    assert len(kept["drop70"]) / n == pytest.approx(0.3, abs=0.02)
    gaps = np.diff(kept["jitter"])
    assert (gaps.min(), gaps.max()) == (1, 9)
    assert gaps.mean() == pytest.approx(5, abs=0.1)
    silent = np.diff(kept["bursty"])
    silent = silent[silent > 1] - 1
    assert silent.min() >= round(0.3 * rate)
    assert silent.max() <= round(1.5 * rate)
    assert set(np.diff(thin_indices(100, rate, "stride7", "long"))) == {7}
    fast, slow = (np.diff(kept["switching"]) == step for step in (1, 10))
    assert (fast | slow).all()
    assert 10 * slow.sum() / fast.sum() == pytest.approx(1, abs=0.1)  # as many seconds at either rate
    pauses = np.diff(kept["interrupted"])
    pauses = pauses[pauses > 1] - 1
    assert pauses.min() >= round(1 * rate)
    assert pauses.max() <= round(5 * rate)


def test_name_and_seed_determine_the_subsample() -> None:
    base = thin_indices(300, 25, "drop70", "A", 0)
    assert not np.array_equal(base, thin_indices(300, 25, "drop70", "B", 0))
    assert not np.array_equal(base, thin_indices(300, 25, "drop70", "A", 1))


@pytest.mark.parametrize("profile", ["", "half", "stride", "stride0", "stride-3", "stridefive"])
def test_unknown_profiles_are_refused(profile: str) -> None:
    with pytest.raises(ConfigError, match="the profiles are full, stride5"):
        thin_indices(10, 25, profile, "A")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sequence of 40 frames at 10 Hz with a camera that moves one pixel to the right each frame."""
    sequence = tmp_path / "in" / "S-01"
    for name in ("gt", "det", "img1"):
        (sequence / name).mkdir(parents=True)
    rows = [f"{f},1,{10 + f},20.50,30,60,1,1,0.7" for f in range(40, 0, -1)]
    (sequence / "gt/gt.txt.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    (sequence / "det/det.txt").write_text("".join(f"{f},-1,{10 + f}.125,20.50,30,60,0.9\n" for f in range(1, 41)))
    (sequence / "gmc.txt").write_text("".join(f"{i} 1 0 1 0 1 0\n" for i in range(40)))
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=S-01\nframeRate=10\nseqLength=40\nimExt=.png\n")
    for f in range(1, 41):
        (sequence / f"img1/{f:06d}.png").write_bytes(b"picture %d" % f)
    return tmp_path / "in"


def test_subsampled_folder_has_true_times_and_renumbered_rows(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kept = thin(root, out, "jitter", images=True)["S-01"]
    source = kept + 1
    times = np.genfromtxt(out / "S-01/times.csv", delimiter=",", names=True)
    assert np.array_equal(times["frame"], np.arange(1, len(kept) + 1))
    assert np.array_equal(times["source_frame"], source)
    assert times["time"] == pytest.approx(kept / 10)
    truth = np.loadtxt(out / "S-01/gt/gt.txt", delimiter=",")
    assert np.array_equal(truth[:, 0], times["frame"])
    assert np.array_equal(truth[:, 2], 10 + source)
    first = (out / "S-01/det/det.txt").read_text().split("\n")[1]
    assert first == f"2,-1,{10 + source[1]}.125,20.50,30,60,0.9"  # as it was written, to the character
    shift = np.loadtxt(out / "S-01/gmc.txt", delimiter=",")
    assert np.array_equal(shift[1:, 3], np.diff(kept))
    assert f"seqLength={len(kept)}\n" in (out / "S-01/seqinfo.ini").read_text()
    assert (out / "S-01/img1/000002.png").read_bytes() == b"picture %d" % source[1]


def test_invalid_folders_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no <sequence>/seqinfo\.ini"):
        thin(tmp_path / "nowhere", tmp_path / "out", "full")
    (root / "S-01/det/det.txt").write_text("1,-1,2,3,4,5,1\nx,-1,2,3,4,5,1\n")
    with pytest.raises(DataError, match=r"det\.txt line 2: 'x' is no frame number"):
        thin(root, tmp_path / "out", "full")
    (root / "S-01/seqinfo.ini").write_text("[Sequence]\nname=S-01\n")
    with pytest.raises(DataError, match="needs numbers seqLength and frameRate"):
        thin(root, tmp_path / "out", "full")


@pytest.mark.parametrize("profile", [p for p in PROFILES if p not in PATTERNS])
def test_subsampling_equals_the_reference_script(shared: Path, tmp_path: Path, profile: str) -> None:
    root = shared / "data/mot/MOT17-second"
    link = tmp_path / "in"
    link.mkdir()
    for name in ("MOT17-05", "MOT17-11"):
        (link / name).symlink_to(root / name)
    script = [sys.executable, str(shared / "bench/thin.py"), str(link), str(tmp_path / "a"), "--profile", profile]
    subprocess.run([*script, "--seed", "3"], check=True, capture_output=True)
    thin(link, tmp_path / "b", profile, seed=3)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) == 10
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
