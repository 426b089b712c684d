"""No other command overwrites user files without `--overwrite`: mot, convert, reports, trainings, render, demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.formats import FORMATS
from tests.attack.harness import assert_answered, attack, kept
from tests.support.output_victims import (
    GT,
    VICTIMS,
    by_hand,
    by_hard_link,
    by_symlink,
    put,
    refused,
    track,
)

# The twenty-three ways that were found, those that the tables above do not hold.


def test_mot_result_leaves_times_csv_of_the_folder_untouched(work: Path) -> None:
    with kept(put(work / "there/times.csv", b"frame,source_frame,time\n1,1,0\n2,9,5\n")):
        assert_answered(attack(track(flag="mot", to="there/o.txt"), cwd=work), 0)
    assert (work / "there/o.times.csv").is_file()


@pytest.mark.parametrize("more", [[], ["--detector", "file:none.txt"]], ids=["to be tracked", "fails at frame 0"])
def test_yolo_keeps_handmade_labels(more: list[str], work: Path) -> None:
    for name in ("000001.txt", "20240131.txt", "street_7.txt"):
        put(work / "ds/labels" / name, b"0 .5 .5 .1 .1\n")
    put(work / "ds/images/000001.jpg")
    with kept(work / "ds"):
        refused(attack(track(*more, flag="yolo"), cwd=work))


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_convert_does_not_overwrite_existing_files(form: str, work: Path) -> None:
    name = f"b{FORMATS[form].layout.suffix}"
    victim = put(work / name / "labels/000007.txt" if FORMATS[form].layout.parts else work / name)
    with kept(victim, work / "gt.txt"):
        refused(attack(["convert", "gt.txt", name, "--to", form, "--size", "64x48"], cwd=work), "--overwrite")


@pytest.mark.parametrize("form", ["mot", "kitti"])
def test_convert_does_not_overwrite_side_files(form: str, work: Path) -> None:
    with kept(put(work / "b.times.csv")):
        refused(attack(["convert", "gt.txt", f"b{FORMATS[form].layout.suffix}", "--to", form], cwd=work), "b.times.csv")


def test_convert_does_not_overwrite_the_ground_truth_of_its_sequence(work: Path) -> None:
    put(work / "seq/gt/gt.txt", GT.encode())
    put(work / "seq/seqinfo.ini", b"[Sequence]\nname=seq\nframeRate=20\nseqLength=2\n")
    for more in ([], ["--overwrite"]):
        with kept(work / "seq"):
            refused(attack(["convert", "seq", "seq/gt/gt.txt", *more], cwd=work))


@pytest.mark.parametrize("how", ["itself", "hard link", "link"])
def test_convert_never_overwrites_its_input(how: str, work: Path) -> None:
    if how == "hard link":
        (work / "b.txt").hardlink_to(work / "gt.txt")
    elif how == "link":
        (work / "b.txt").symlink_to("gt.txt")
    with kept(work / "gt.txt"):
        to = "gt.txt" if how == "itself" else "b.txt"
        refused(attack(["convert", "gt.txt", to, "--overwrite"], cwd=work), "itself")


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["unasked", "asked"])
def test_mot_never_overwrites_its_input_detections(more: list[str], work: Path) -> None:
    put(work / "root/det/det/det.txt", (work / "det.txt").read_bytes())
    put(work / "root/det/seqinfo.ini", b"[Sequence]\nname=det\nframeRate=20\nseqLength=30\n")
    with kept(work / "root"):
        refused(attack(["mot", "root", "root/det/det", "--workers", "1", *more], cwd=work))


@pytest.mark.parametrize("ending", [".txt", ".times.csv", ".names"])
def test_mot_does_not_overwrite_existing_files(ending: str, work: Path) -> None:
    put(work / "root/a/det/det.txt", (work / "det.txt").read_bytes())
    put(work / "root/a/seqinfo.ini", b"[Sequence]\nname=a\nframeRate=20\nseqLength=30\n")
    with kept(put(work / f"out/a{ending}"), work / "root"):
        refused(attack(["mot", "root", "out", "--workers", "1"], cwd=work), f"a{ending}")


REPORTS = {
    "identify": ["identify", "clip.mp4", "det.txt", "gallery"],
    "eval mot": ["eval", "mot", "gt.txt", "det.txt"],
    "eval detection": ["eval", "detection", "gt.txt", "--detector", "file:det.txt"],
    "eval sot": ["eval", "sot", "root"],
    "eval segmentation": ["eval", "segmentation", "root", "root"],
    "eval classification": ["eval", "classification", "root"],
    "eval crop-classes": ["eval", "crop-classes", "root"],
    "eval video-classes": ["eval", "video-classes", "root", "--truth", "det.txt"],
    "eval reid": ["eval", "reid", "root"],
    "bench pipeline": ["bench", "pipeline", "clip.mp4", "--detector", "background"],
    "bench engine": ["bench", "engine"],
    "bench motion": ["bench", "motion", "root"],
    "bench fill": ["bench", "fill", "root"],
    "bench reid": ["bench", "reid", "clip.mp4", "gt.txt"],
    "bench vfr": ["bench", "vfr", "clip.mp4", "root", "--detector", "background"],
    "bench detection": ["bench", "detection"],
    "bench batch": ["bench", "batch", "--clip", "clip.mp4"],
    "bench startup": ["bench", "startup", "clip.mp4"],
    "bench mot": ["bench", "mot", "root"],
}


@pytest.mark.parametrize("victim", [by_hand, by_symlink, by_hard_link], ids=lambda v: v.__name__)
@pytest.mark.parametrize("command", REPORTS)
def test_report_does_not_overwrite_existing_files(command: str, victim: Callable[[Path], Path], work: Path) -> None:
    (work / "root").mkdir()
    hurt = victim(work / "report.json")
    with kept(hurt, work / "clip.mp4", work / "gt.txt"):
        refused(attack([*REPORTS[command], "--json", "report.json"], cwd=work), "--json report.json")


@pytest.mark.parametrize("command", ["identify", "eval mot", "bench pipeline", "bench reid", "bench startup"])
def test_report_never_overwrites_an_input(command: str, work: Path) -> None:
    for name in ("clip.mp4", "gt.txt"):
        if name in REPORTS[command]:
            with kept(work / name):
                refused(attack([*REPORTS[command], "--json", name, "--overwrite"], cwd=work), "itself")


TRAININGS = {
    "head": (["train", "association", "root"], ("head.safetensors", "checkpoint.pt", "curve.csv")),
    "detector": (
        ["train", "detection", "root"],
        ("head.safetensors", "checkpoint.pt", "curve.csv", "detector.onnx", "detector-int8.onnx"),
    ),
    "recognition": (
        ["train", "classification", "views", "root"],
        ("recognition-views.safetensors", "checkpoint-views.pt", "curve-views.csv"),
    ),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, (_, names) in TRAININGS.items() for name in names])
def test_training_does_not_overwrite_existing_files(kind: str, name: str, work: Path) -> None:
    (work / "root").mkdir()
    with kept(put(work / "out" / name)):
        refused(attack([*TRAININGS[kind][0], "--out", "out"], cwd=work), name)


def test_train_reid_does_not_overwrite_existing_files(work: Path) -> None:
    (work / "root").mkdir()
    with kept(put(work / "m.safetensors")):
        refused(attack(["train", "reid", "root", "--out", "m.safetensors"], cwd=work), "m.safetensors", "--overwrite")


@pytest.mark.parametrize("part", ["gt/gt.txt", "seqinfo.ini", "det/det.txt"])
def test_simulate_driving_does_not_overwrite_existing_files(part: str, work: Path) -> None:
    with kept(put(work / "streets/drive000-000" / part)):
        words = ["simulate", "driving", "streets", "--sequences", "1", "--seconds", "1", "--detections"]
        refused(attack(words, cwd=work), "--overwrite")


@pytest.mark.parametrize("part", ["gt/gt.txt", "seqinfo.ini", "gmc.txt", "det/det.txt"])
@pytest.mark.parametrize(("command", "scene"), [("crowds", "crowd"), ("dancers", "dance"), ("players", "game")])
def test_simulated_people_do_not_overwrite_existing_files(command: str, scene: str, part: str, work: Path) -> None:
    with kept(put(work / f"scenes/{scene}000-000" / part)):
        words = ["simulate", command, "scenes", "--sequences", "1", "--seconds", "1", "--detections"]
        refused(attack(words, cwd=work), "--overwrite")


@pytest.mark.parametrize("name", ["inspect.json", "neurons.png", "pairs.png", "time_constants.png"])
def test_inspect_does_not_overwrite_existing_files(name: str, work: Path) -> None:
    with kept(put(work / "out" / name)):
        refused(attack(["inspect", "--out", "out"], cwd=work), name, "--overwrite")


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
def test_render_does_not_overwrite_existing_files(victim: Callable[[Path], Path], work: Path) -> None:
    with kept(victim(work / "o.mp4"), work / "clip.mp4", work / "det.txt"):
        refused(attack(["render", "clip.mp4", "det.txt", "--video", "o.mp4"], cwd=work), "o.mp4")


@pytest.mark.parametrize("to", ["clip.mp4", "det.mp4"])
def test_render_never_overwrites_its_inputs(to: str, work: Path) -> None:
    (work / "det.mp4").hardlink_to(work / "det.txt")
    with kept(work / "clip.mp4", work / "det.txt"):
        refused(attack(["render", "clip.mp4", "det.txt", "--video", to, "--overwrite"], cwd=work), "itself")


@pytest.mark.parametrize("name", ["demo.mp4", "demo.txt", "demo.jsonl", "demo.times.csv", "demo.run.toml"])
def test_demo_does_not_overwrite_existing_files(name: str, work: Path) -> None:
    with kept(put(work / "out" / name)):
        refused(attack(["demo", "--clip", "scene"], cwd=work), name)
