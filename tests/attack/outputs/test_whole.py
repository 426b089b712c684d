"""`track --whole` and `refine` overwrite nothing of the user's: the cache, the list of doubts, refined labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.formats.detection_cache import DetectionCache
from tests.attack.harness import assert_answered, attack, kept
from tests.support.output_victims import VICTIMS, put, refused, track


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
@pytest.mark.parametrize("flag", ["cache", "doubt"])
def test_whole_does_not_overwrite_existing_files(flag: str, victim: Callable[[Path], Path], work: Path) -> None:
    with kept(work / "clip.mp4", work / "det.txt", victim(work / "mine.npz")):
        refused(attack(track("--whole", f"--{flag}", "mine.npz"), cwd=work), "mine.npz", "name another")


@pytest.mark.parametrize("name", ["clip.mp4", "det.txt"])
@pytest.mark.parametrize("flag", ["cache", "doubt"])
def test_whole_never_overwrites_its_inputs(flag: str, name: str, work: Path) -> None:
    (work / "link").symlink_to(name)
    for place in (name, "link"):
        with kept(work / name):
            refused(attack(track("--whole", f"--{flag}", place, "--overwrite"), cwd=work), "name another place")


def test_cache_is_no_other_output_and_no_stream(work: Path) -> None:
    for words in (["--jsonl", "one", "--cache", "one"], ["--jsonl", "one", "--cache", "./one"]):
        answer = attack(["track", "clip.mp4", "--detector", "file:det.txt", "--whole", *words], cwd=work)
        refused(answer, "--jsonl and --cache would both write")
    refused(attack(track("--whole", "--cache", "/dev/stdout"), cwd=work), "--cache needs an ordinary file")
    refused(attack(track("--whole", "--cache", "-"), cwd=work), "--cache needs an ordinary file")
    put(work / "folder/inside.txt")
    with kept(work / "folder"):
        refused(attack(track("--whole", "--cache", "folder", "--overwrite"), cwd=work), "folder")


def test_cache_that_is_read_is_not_written_by_another_output(work: Path) -> None:
    assert_answered(attack(track("--whole", "--cache", "c.npz"), cwd=work), 0)
    with kept(work / "c.npz"):
        words = ["track", "clip.mp4", "--detector", "file:det.txt", "--whole", "--cache", "c.npz", "--overwrite"]
        (work / "link").symlink_to("c.npz")
        refused(attack([*words, "--jsonl", "link"], cwd=work), "would both write")
        assert_answered(attack(track("--whole", "--cache", "c.npz", to="b.jsonl"), cwd=work), 0)
    assert (work / "b.jsonl").read_bytes() == (work / "o.jsonl").read_bytes()


def test_cache_through_a_link_is_written_where_the_link_points(work: Path) -> None:
    (work / "there").mkdir()
    (work / "c.npz").symlink_to("there/real.npz")
    assert_answered(attack(track("--whole", "--cache", "c.npz"), cwd=work), 0)
    assert (work / "c.npz").is_symlink()
    assert DetectionCache(work / "there/real.npz").complete


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
def test_refine_does_not_overwrite_existing_files(victim: Callable[[Path], Path], work: Path) -> None:
    with kept(work / "gt.txt", victim(work / "b.jsonl")):
        refused(attack(["refine", "gt.txt", "b.jsonl", "--rate", "20"], cwd=work), "b.jsonl", "name another")
    with kept(work / "gt.txt", work / "det.txt"):
        for place in ("gt.txt", "det.txt"):
            words = ["refine", "gt.txt", place, "--rate", "20", "--detections", "det.txt", "--overwrite"]
            refused(attack(words, cwd=work), "itself")
