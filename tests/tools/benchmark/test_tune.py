"""Tuning: a gain where the present settings are wrong, none where they are right, resumed searches, and bad input."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("optuna", reason="tuning needs the extra `train`")
pytest.importorskip("trackeval", reason="tuning needs the extra `eval`")

from models.errors import ConfigError
from tools.benchmark import tune_search
from tools.benchmark.config.tune import TUNABLE
from tools.benchmark.tune_search import RANGES, Search, run_search
from tools.cli.main import main
from tracker.config import TrackerConfig

FRAMES, PEOPLE = 24, 3


def sequences(root: Path, count: int, score: float) -> Path:
    """Sequences of people who walk side by side, all detected with this score, beside false ones with 0.2."""
    rng = np.random.default_rng(0)
    for k in range(count):
        truth, found = [], []
        for frame in range(1, FRAMES + 1):
            for person in range(PEOPLE):
                x, y = 20 + 150 * person + 3 * frame + k, 60 + 10 * person
                truth.append(f"{frame},{person + 1},{x},{y},40,90,1,1,1")
                dx, dy = rng.normal(0, 0.5, 2)
                found.append(f"{frame},-1,{x + dx:.2f},{y + dy:.2f},40,90,{score}")
            found.append(f"{frame},-1,{rng.uniform(0, 500):.1f},{rng.uniform(200, 260):.1f},40,90,0.2")
        folder = root / f"walk{k}"
        (folder / "gt").mkdir(parents=True)
        (folder / "det").mkdir()
        (folder / "gt" / "gt.txt").write_text("\n".join(truth) + "\n")
        (folder / "det" / "det.txt").write_text("\n".join(found) + "\n")
        (folder / "seqinfo.ini").write_text(
            f"[Sequence]\nname=walk{k}\nframeRate=10\nseqLength={FRAMES}\nimWidth=640\nimHeight=360\n"
        )
    return root


WORDS = ["--trials", "8", "--motion", "kalman", "--workers", "1", "--quiet"]


def test_gain_is_found_where_the_present_settings_are_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root, out = sequences(tmp_path / "data", 5, score=0.5), tmp_path / "out"
    wrong = ["--new-track-score", "0.9", "--new-track-probability", "1"]
    words = ["tune", str(root), "--out", str(out), "--search", "new_track_score", *WORDS, *wrong]
    assert main(words) == 0
    first = capsys.readouterr().out
    assert "better: use them with --config" in first
    figures = json.loads((out / "tune.json").read_text())
    assert figures["gain"]["low"] > 0
    assert sorted(figures["by_sequence"]) == [f"walk{k}" for k in range(5)]
    assert sorted(name for part in figures["parts"].values() for name in part) == sorted(figures["by_sequence"])
    for name, part in figures["parts"].items():  # a search never sees the part that it is scored on
        lines = (out / f"trials-{name}.jsonl").read_text().splitlines()
        assert len(lines) == 8
        assert len(json.loads(lines[0])["by_sequence"]) == 5 - len(part)
    settings = tomllib.loads((out / "tuned.toml").read_text())
    assert set(settings) == {"new_track_score"}
    assert settings["new_track_score"] <= 0.5
    present = ["mot", str(root), "tracks", "--motion", "kalman", "--new-track-probability", "1", "--quiet"]
    assert main([*present, "--workers", "1", "--config", str(out / "tuned.toml")]) == 0
    assert (tmp_path / "tracks" / "walk0.txt").read_text().count("\n") >= FRAMES * PEOPLE - PEOPLE


def test_interrupted_search_goes_on_to_the_same_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = sequences(tmp_path / "data", 2, score=0.5)
    words = ["tune", str(root), "--search", "new_track_score", "max_age", *WORDS, "--new-track-score", "0.9"]
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir() if path.name[0] != "."}
    whole_said = capsys.readouterr().out
    track, calls = tune_search.counts_of_sequence, []

    def cut(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 11:  # in the second search
            raise KeyboardInterrupt
        return track(*arguments)

    out = tmp_path / "cut"
    with monkeypatch.context() as patch:
        patch.setattr(tune_search, "counts_of_sequence", cut)
        assert main([*words, "--out", str(out)]) == 1
    assert len((out / "trials-part2.jsonl").read_text().splitlines()) == 2
    capsys.readouterr()
    assert main([*words, "--out", str(out), "--seed", "1"]) == 2
    assert "seed was" in capsys.readouterr().err
    assert main([*words, "--out", str(out)]) == 0
    assert capsys.readouterr().out == whole_said
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.name[0] != "."} == whole


def test_present_settings_stay_where_nothing_is_gained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out = sequences(tmp_path / "data", 2, score=0.9), tmp_path / "out"
    assert main(["tune", str(root), "--out", str(out), "--search", "max_age", *WORDS]) == 0
    said = capsys.readouterr().out
    assert "gain +0.00 [+0.00, +0.00] over 2 sequences" in said
    assert "too few sequences to tell" in said
    text = (out / "tuned.toml").read_text()
    assert tomllib.loads(text) == {}
    assert "# max_age = 2.0" in text


def test_hopeless_trial_is_pruned_after_its_first_sequence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = sequences(tmp_path / "data", 2, score=0.9)
    monkeypatch.setattr(tune_search, "UNPRUNED_TRIALS", 1)
    folders = tuple(sorted(root.iterdir()))
    wrong = TrackerConfig(motion="kalman", new_track_probability=1.0)
    search = Search("one", folders, wrong, ("new_track_score",), 12, 0, True, tmp_path)
    found = run_search(search)
    lines = [json.loads(line) for line in search.file.read_text().splitlines()]
    pruned = [line for line in lines if line["state"] == "PRUNED"]
    assert found.pruned == len(pruned) > 0
    for line in pruned:
        assert line["params"]["new_track_score"] > 0.9  # no track ever starts
        assert len(line["by_sequence"]) == 1
    assert found.present == found.hota
    assert found.settings == {"new_track_score": 0.65}
    whole = search.file.read_text()
    search.file.write_text(whole[:-20])  # killed while a line was written
    assert run_search(search) == found
    assert search.file.read_text() == whole
    search.file.write_text("[]\n" + whole)
    with pytest.raises(ConfigError, match=r"trials-one.jsonl: is damaged; remove it"):
        run_search(search)


def test_every_searched_setting_is_one_of_the_tracker() -> None:
    present = TrackerConfig()
    for name in TUNABLE:
        value = getattr(present, name)
        assert isinstance(value, bool) or RANGES[name][0] <= value <= RANGES[name][1]
        for end in RANGES.get(name, ())[:2]:
            TrackerConfig(**{name: end})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--folds", "3"), "its number of sequences is 2"),
        (("--search", "wonder"), "search cannot take 'wonder'"),
        (("--trials", "1"), "trials is 1"),
        (("--profile", "odd"), "odd"),
    ],
)
def test_bad_settings_are_one_sentence(
    words: tuple[str, ...], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = sequences(tmp_path / "data", 2, score=0.9)
    assert main(["tune", str(root), "--out", str(tmp_path / "out"), "--quiet", *words]) == 2
    assert says in capsys.readouterr().err


def test_sequence_without_truth_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = sequences(tmp_path / "data", 2, score=0.9)
    (root / "walk1" / "gt" / "gt.txt").unlink()
    assert main(["tune", str(root), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "walk1: holds no gt/gt.txt" in capsys.readouterr().err
