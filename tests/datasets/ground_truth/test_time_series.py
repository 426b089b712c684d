"""Series for comparing cells: windows, targets, missing frames, events, and damaged files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.time_series import Series, event_xor, half_cheetah, occupancy
from models.errors import DataError


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    for k in range(25):
        frames = np.arange(80.0)[:, None] + 1000 * k
        np.save(tmp_path / f"trace_{k:04d}.npy", np.broadcast_to(frames, (80, 17)))
    return tmp_path


def test_target_is_the_next_frame(traces: Path) -> None:
    sets = half_cheetah(traces)
    assert {name: len(s) for name, s in sets.items()} == {"valid": 25, "test": 50, "train": 50}
    for series in sets.values():
        assert series.mask.all()
        assert (series.y == series.x + 1).all()
        assert (np.diff(series.times, axis=1) == 1).all()
    assert sets["train"].x[0, 0, 0] == 15000  # the sixteenth trace is the first to train on


def test_missing_frames_keep_true_times_and_targets(traces: Path) -> None:
    whole, half = half_cheetah(traces), half_cheetah(traces, drop=0.5)
    for name, series in half.items():
        m = series.mask
        assert 0.4 < m.mean() * m.shape[1] / 32 < 0.6
        assert m[:, 0].all()
        assert (series.y == series.x + 1)[m].all()
        assert (series.x[..., 0] % 1000 == series.times)[m].all()  # the trace's frames are numbered by their time
        assert (series.x[~m] == 0).all()
        assert len(series) == len(whole[name])
    again, other = half_cheetah(traces, drop=0.5), half_cheetah(traces, drop=0.5, seed=1)
    assert np.array_equal(again["test"].times, half["test"].times)
    assert not np.array_equal(other["test"].mask, half["test"].mask)


def test_mostly_missing_series_keeps_one_sample_per_window(traces: Path) -> None:
    assert half_cheetah(traces, drop=0.999)["train"].mask.any(1).all()


def test_windows_and_linear_baseline_match_the_paper(shared: Path) -> None:
    sets = half_cheetah(shared / "data/series/cheetah")
    assert {name: len(s) for name, s in sets.items()} == {"valid": 485, "test": 970, "train": 970}
    assert sets["train"].x.shape[1:] == (32, 17)

    def columns(series: Series) -> np.ndarray:
        x = series.x.reshape(-1, 17).astype(np.float64)
        return np.concatenate((x, np.ones((len(x), 1))), 1)

    solution = np.linalg.lstsq(columns(sets["train"]), sets["train"].y.reshape(-1, 17), rcond=None)[0]
    error = columns(sets["test"]) @ solution - sets["test"].y.reshape(-1, 17)
    assert np.square(error).mean() == pytest.approx(3.43, abs=0.01)  # measured by others on the same windows


def test_parity_is_computed_from_the_events() -> None:
    series = event_xor()["valid"]
    assert series.x.shape == (5000, series.x.shape[1], 1)
    assert abs(series.y.mean() - 0.5) < 0.03
    for x, times, mask, parity in zip(series.x[..., 0], series.times, series.mask, series.y, strict=True):
        bits, ends = x[mask], np.rint(times[mask] * 32).astype(int)
        assert ends[0] == 1
        assert (np.diff(ends) > 0).all()
        assert (bits[1:-1] != bits[:-2]).all()  # only changes are events, besides the end
        told = np.repeat(bits[:-1], np.diff(ends)).sum() + bits[-1]  # a bit lasts until the next event
        assert told % 2 == parity


def test_occupancy_windows_are_complete_and_normalised(shared: Path) -> None:
    sets = occupancy(shared / "data/series/occupancy")
    assert {name: len(s) for name, s in sets.items()} == {"valid": 812, "train": 7315, "test": 332 + 1217}
    whole = np.concatenate([sets["train"].x, sets["valid"].x]).reshape(-1, 5)
    np.testing.assert_allclose(whole.mean(0), 0, atol=0.02)
    np.testing.assert_allclose(whole.std(0), 1, atol=0.02)
    assert set(np.unique(sets["test"].y)) == {0, 1}
    steps = np.diff(sets["train"].times, axis=1)
    assert ((steps >= 59) & (steps <= 61)).all()


def test_unreadable_series_are_refused(tmp_path: Path, traces: Path) -> None:
    with pytest.raises(DataError, match=r"drop is 1"):
        half_cheetah(traces, drop=1.0)
    (traces / "trace_0003.npy").write_bytes(b"\x93NUMPY nonsense")
    with pytest.raises(DataError, match=r"trace_0003.npy cannot be read"):
        half_cheetah(traces)
    np.save(traces / "trace_0003.npy", np.zeros((80, 5)))
    with pytest.raises(DataError, match=r"has shape \(80, 5\)"):
        half_cheetah(traces)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds 0 traces"):
        half_cheetah(empty)
    with pytest.raises(DataError, match=r"no datatraining\.txt"):
        occupancy(empty)
    with gzip.open(empty / "datatraining.txt.gz", "wt") as file:
        file.write('"date"\n"1","2015-02-02 14:19:00",1,2,3,4,5,1\n"2","2015-02-02 14:20:00",1,two,3,4,5,1\n')
    with pytest.raises(DataError, match=r"datatraining.txt.gz line 3 cannot be read"):
        occupancy(empty)
