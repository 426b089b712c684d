"""Hourly weather: windows, targets, months, missing hours, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.weather_series import FILE, months, weather
from models.errors import DataError
from tests.support.package_archives import pvlib_wheel, weather_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("weather")
    (root / FILE).write_text(weather_rows())
    pvlib_wheel(root / "pvlib.whl")
    return root


def test_target_is_the_weather_six_hours_later(folder: Path) -> None:
    sets = weather(folder)
    for series in sets.values():
        assert series.mask.all()
        assert (np.diff(series.times, axis=1) == 3600).all()
        assert (series.y[:, :-6] == series.x[:, 6:]).all()
    assert sets["train"].x.mean() == pytest.approx(0, abs=0.02)
    assert sets["train"].x.std() == pytest.approx(1, abs=0.05)


def test_windows_and_targets_stay_in_their_days_of_a_month(folder: Path) -> None:
    sets = weather(folder)
    for name, series in sets.items():
        assert set(months(series)) == set(range(12))
        begin = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])[months(series)]
        day = series.times / 86400 - begin[:, None]
        last = day[:, -1] + 6 / 24
        first, end = {"train": (0, 18), "valid": (18, 23), "test": (23, 31)}[name]
        assert (day[:, 0] >= first).all()
        assert (last < end).all()


def test_missing_hours_keep_true_times_and_targets(folder: Path) -> None:
    whole, thin = weather(folder)["test"], weather(folder, drop=0.9)["test"]
    m = thin.mask
    assert 0.05 < m.sum() / whole.mask.sum() < 0.15
    assert m[:, 0].all()
    known = {time: (x, y) for times, xs, ys in zip(whole.times, whole.x, whole.y, strict=True)
             for time, x, y in zip(times, xs, ys, strict=True)}  # fmt: skip
    for time, x, y in zip(thin.times[m], thin.x[m], thin.y[m], strict=True):
        assert (known[time][0] == x).all()
        assert (known[time][1] == y).all()


def test_wheel_folder_and_file_are_the_same(folder: Path) -> None:
    one = weather(folder)["valid"]
    for path in (folder / FILE, folder / "pvlib.whl"):
        assert (weather(path)["valid"].x == one.x).all()


def test_damaged_weather_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", Path("/dev/zero")):
        with pytest.raises(DataError, match="cannot be read as hourly weather"):
            weather(path)
    with pytest.raises(DataError, match="holds no 723170TYA"):
        weather(tmp_path)
    for content in ("", "a\nb\n", weather_rows(100).replace("Dew", "Due"), weather_rows(3) + "x,y,z\n"):
        (tmp_path / "w.csv").write_text(content)
        with pytest.raises(DataError, match="cannot be read as hourly weather"):
            weather(tmp_path / "w.csv")
    (tmp_path / "w.csv").write_text(weather_rows(100))
    with pytest.raises(DataError, match="holds 100 hours"):
        weather(tmp_path / "w.csv")
    (tmp_path / "w.whl").write_bytes((folder / "pvlib.whl").read_bytes()[:1000])
    with pytest.raises(DataError, match="cannot be read as hourly weather"):
        weather(tmp_path / "w.whl")
