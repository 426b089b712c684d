"""Nothing of the user's is overwritten unasked: every command, every output and side file, every kind of victim."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.formats import FORMATS
from tests.attack.harness import Answer, assert_answered, attack, kept, start
from tests.support.moving_box_clip import write_clip, write_detections

GT = "1,1,10,20,30,40,1,1,1\n2,1,12,20,30,40,1,1,1\n"
HAND = b"made by hand, and nowhere else\n"
FLAGS = ("video", "mot", "jsonl", "coco", "cvat", "yolo", "kitti", "masks")
NAMES = {
    "video": "o.mp4",
    "mot": "o.txt",
    "jsonl": "o.jsonl",
    "coco": "o.json",
    "cvat": "o.xml",
    "yolo": "ds",
    "kitti": "o.kitti",
    "masks": "masks",
}
FILES = [flag for flag in FLAGS if flag not in ("yolo", "masks")]
# What a run writes at first, and what it writes beside it.
MADE = {
    **{flag: (name,) for flag, name in NAMES.items() if flag in FILES},
    "mot": ("o.txt", "o.times.csv", "o.names"),
    "kitti": ("o.kitti", "o.times.csv"),
    "yolo": ("ds/labels/000001.txt", "ds/labels/1234567.txt", "ds/data.yaml", "ds/classes.txt", "ds/times.csv"),
    "masks": ("masks/clip.mp4/00000.png", "masks/clip.mp4/123456.png"),
}


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    write_clip(folder / "clip.mp4")
    write_detections(folder / "det.txt")
    return folder


@pytest.fixture
def work(stock: Path, tmp_path: Path) -> Path:
    """A folder with a clip, its detections, truth and pictures; nothing in it may change."""
    for name in ("clip.mp4", "det.txt"):
        (tmp_path / name).write_bytes((stock / name).read_bytes())
    (tmp_path / "gt.txt").write_text(GT)
    return tmp_path


def track(*words: str, flag: str = "jsonl", to: str | None = None) -> list[str]:
    return ["track", "clip.mp4", "--detector", "file:det.txt", f"--{flag}", to or NAMES[flag], *words]


def refused(answer: Answer, *says: str) -> str:
    return assert_answered(answer, 2, says=says)


def put(path: Path, content: bytes = HAND) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


# Victims: how something of the user's comes to stand at an output's place. Each returns the file to be kept.


def by_hand(place: Path) -> Path:
    return put(place)


def by_symlink(place: Path) -> Path:
    victim = put(place.parent / "elsewhere" / "notes.txt")
    place.symlink_to(victim)
    return victim


def by_hard_link(place: Path) -> Path:
    victim = put(place.parent / "elsewhere.txt")
    place.hardlink_to(victim)
    return victim


def write_protected(place: Path) -> Path:
    put(place).chmod(0o444)
    return place


def empty(place: Path) -> Path:
    return put(place, b"")


def by_older_mark(place: Path) -> Path:
    """A file that looks like ours, but that no manifest knows."""
    return put(place, b'{"format": "liquidtrack", "version": 1, "names": ["person"]}\n')


VICTIMS = (by_hand, by_symlink, by_hard_link, write_protected, empty, by_older_mark)


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
@pytest.mark.parametrize("flag", FILES)
def test_track_keeps_a_file_at_an_outputs_place(flag: str, victim: Callable[[Path], Path], work: Path) -> None:
    hurt = victim(work / NAMES[flag])
    with kept(work / "clip.mp4", work / "det.txt", hurt):
        refused(attack(track(flag=flag), cwd=work), NAMES[flag])


@pytest.mark.parametrize(("flag", "part"), [(flag, part) for flag, parts in MADE.items() for part in parts[1:]])
def test_track_keeps_a_file_at_a_side_files_place(flag: str, part: str, work: Path) -> None:
    hurt = put(work / part)
    with kept(hurt):
        words = ["--mask-box", "10,40,24,24"] if flag == "masks" else []
        refused(attack(track(*words, flag=flag), cwd=work), Path(part).name, "--overwrite")


@pytest.mark.parametrize("flag", FLAGS)
def test_track_keeps_settings_that_were_written_by_hand(flag: str, work: Path) -> None:
    place = "ds/run.toml" if flag == "yolo" else f"{Path(NAMES[flag]).stem}.run.toml"
    with kept(put(work / place, b"score = 0.4\n")):
        refused(attack(track(flag=flag), cwd=work), place)


@pytest.mark.parametrize("flag", FLAGS)
def test_a_folder_and_a_file_do_not_take_each_others_place(flag: str, work: Path) -> None:
    if flag in FILES:
        put(work / NAMES[flag] / "inside.txt")
    else:
        put(work / NAMES[flag])
    with kept(work / NAMES[flag]):
        refused(attack(track(flag=flag), cwd=work), "cannot be written")


INPUTS = ("clip.mp4", "det.txt", "times.csv", "names.txt", "settings.toml")


def reading(name: str) -> list[str]:
    """What makes a run read the file."""
    return {
        "times.csv": ["--times", "times.csv"],
        "names.txt": ["--names", "names.txt"],
        "settings.toml": ["--config", "settings.toml"],
    }.get(name, [])


def prepare_inputs(work: Path) -> None:
    put(work / "times.csv", b"".join(b"%d\n" % k for k in range(20)))
    put(work / "names.txt", b"person\n")
    put(work / "settings.toml", b"score = 0.4\n")


@pytest.mark.parametrize("how", ["itself", "hard link", "link", "dotted"])
@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("flag", ["video", "jsonl", "mot"])
@pytest.mark.parametrize("overwrite", [True], ids=["even with --overwrite"])
def test_track_never_writes_what_it_reads(flag: str, name: str, how: str, overwrite: bool, work: Path) -> None:
    prepare_inputs(work)
    to = name
    if how in ("hard link", "link"):
        to = "other.mp4" if flag == "video" else "other"
        (work / to).hardlink_to(work / name) if how == "hard link" else (work / to).symlink_to(name)
    elif how == "dotted":
        to = f"../{work.name}/{name}"
    if flag == "video" and not to.endswith(".mp4"):
        (work / f"{name}.mp4").hardlink_to(work / name)
        to = f"{name}.mp4"
    with kept(*(work / known for known in INPUTS)):
        answer = attack(track(*reading(name), "--overwrite", flag=flag, to=to), cwd=work)
        refused(answer, "itself")


# The twenty-three ways that were found, those that the tables above do not hold.


def test_mot_never_writes_the_folders_times(work: Path) -> None:
    with kept(put(work / "there/times.csv", b"frame,source_frame,time\n1,1,0\n2,9,5\n")):
        assert_answered(attack(track(flag="mot", to="there/o.txt"), cwd=work), 0)
    assert (work / "there/o.times.csv").is_file()


@pytest.mark.parametrize("more", [[], ["--detector", "file:none.txt"]], ids=["to be tracked", "fails at frame 0"])
def test_yolo_deletes_no_labels_made_by_hand(more: list[str], work: Path) -> None:
    for name in ("000001.txt", "20240131.txt", "street_7.txt"):
        put(work / "ds/labels" / name, b"0 .5 .5 .1 .1\n")
    put(work / "ds/images/000001.jpg")
    with kept(work / "ds"):
        refused(attack(track(*more, flag="yolo"), cwd=work))


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_convert_keeps_what_is_there(form: str, work: Path) -> None:
    name = f"b{FORMATS[form].layout.suffix}"
    victim = put(work / name / "labels/000007.txt" if FORMATS[form].layout.parts else work / name)
    with kept(victim, work / "gt.txt"):
        refused(attack(["convert", "gt.txt", name, "--to", form, "--size", "64x48"], cwd=work), "--overwrite")


@pytest.mark.parametrize("form", ["mot", "kitti"])
def test_convert_keeps_side_files(form: str, work: Path) -> None:
    with kept(put(work / "b.times.csv")):
        refused(attack(["convert", "gt.txt", f"b{FORMATS[form].layout.suffix}", "--to", form], cwd=work), "b.times.csv")


def test_convert_of_a_sequence_keeps_its_own_truth(work: Path) -> None:
    put(work / "seq/gt/gt.txt", GT.encode())
    put(work / "seq/seqinfo.ini", b"[Sequence]\nname=seq\nframeRate=20\nseqLength=2\n")
    for more in ([], ["--overwrite"]):
        with kept(work / "seq"):
            refused(attack(["convert", "seq", "seq/gt/gt.txt", *more], cwd=work))


@pytest.mark.parametrize("how", ["itself", "hard link", "link"])
def test_convert_never_writes_what_it_reads(how: str, work: Path) -> None:
    if how == "hard link":
        (work / "b.txt").hardlink_to(work / "gt.txt")
    elif how == "link":
        (work / "b.txt").symlink_to("gt.txt")
    with kept(work / "gt.txt"):
        to = "gt.txt" if how == "itself" else "b.txt"
        refused(attack(["convert", "gt.txt", to, "--overwrite"], cwd=work), "itself")


def pictures(folder: Path, suffix: str = ".png") -> None:
    folder.mkdir(parents=True)
    for k in range(3):
        cv2.imwrite(str(folder / f"{k:05d}{suffix}"), np.full((48, 64, 3), 40 * k, np.uint8))


@pytest.mark.parametrize("source", ["pics", "pics/*.png", "pics/0000[0-2].png", "pics/00001.png"])
@pytest.mark.parametrize("flag", ["jsonl", "mot", "coco"])
def test_a_picture_of_the_source_is_no_output(source: str, flag: str, work: Path) -> None:
    pictures(work / "pics")
    words = ["track", source, "--rate", "10", "--detector", "file:det.txt", "--overwrite"]
    with kept(work / "pics"):
        refused(attack([*words, f"--{flag}", "pics/00001.png"], cwd=work))


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["unasked", "asked"])
def test_masks_are_not_written_over_the_sources_pictures(more: list[str], work: Path) -> None:
    pictures(work / "frames/clip")
    words = ["track", "frames/clip", "--rate", "10", "--detector", "file:det.txt", "--masks", "frames", *more]
    with kept(work / "frames"):
        refused(attack(words, cwd=work))


def test_the_settings_in_use_are_not_written_over(work: Path) -> None:
    assert_answered(attack(track(), cwd=work), 0)
    with kept(work / "o.run.toml"):
        refused(attack(["track", "--config", "o.run.toml", "--score", "0.3", "--overwrite"], cwd=work), "itself")
        assert_answered(attack(["track", "--config", "o.run.toml"], cwd=work), 0)


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["unasked", "asked"])
def test_mot_does_not_write_into_the_detections_that_it_reads(more: list[str], work: Path) -> None:
    put(work / "root/det/det/det.txt", (work / "det.txt").read_bytes())
    put(work / "root/det/seqinfo.ini", b"[Sequence]\nname=det\nframeRate=20\nseqLength=30\n")
    with kept(work / "root"):
        refused(attack(["mot", "root", "root/det/det", "--workers", "1", *more], cwd=work))


@pytest.mark.parametrize("ending", [".txt", ".times.csv", ".names"])
def test_mot_keeps_what_is_in_its_folder(ending: str, work: Path) -> None:
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
    "eval reid": ["eval", "reid", "root"],
    "bench pipeline": ["bench", "pipeline", "clip.mp4", "--network", "background"],
    "bench engine": ["bench", "engine"],
    "bench motion": ["bench", "motion", "root"],
    "bench reid": ["bench", "reid", "clip.mp4", "gt.txt"],
    "bench vfr": ["bench", "vfr", "clip.mp4", "root", "--network", "background"],
    "bench detection": ["bench", "detection"],
    "bench startup": ["bench", "startup", "clip.mp4"],
    "bench mot": ["bench", "mot", "root"],
}


@pytest.mark.parametrize("victim", [by_hand, by_symlink, by_hard_link], ids=lambda v: v.__name__)
@pytest.mark.parametrize("command", REPORTS)
def test_a_report_keeps_what_is_there(command: str, victim: Callable[[Path], Path], work: Path) -> None:
    (work / "root").mkdir()
    hurt = victim(work / "report.json")
    with kept(hurt, work / "clip.mp4", work / "gt.txt"):
        refused(attack([*REPORTS[command], "--json", "report.json"], cwd=work), "--json report.json")


@pytest.mark.parametrize("command", ["identify", "eval mot", "bench pipeline", "bench reid", "bench startup"])
def test_a_report_is_not_written_over_what_is_read(command: str, work: Path) -> None:
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
def test_a_training_keeps_what_is_there(kind: str, name: str, work: Path) -> None:
    (work / "root").mkdir()
    with kept(put(work / "out" / name)):
        refused(attack([*TRAININGS[kind][0], "--out", "out"], cwd=work), name)


def test_train_reid_keeps_what_is_there(work: Path) -> None:
    (work / "root").mkdir()
    with kept(put(work / "m.safetensors")):
        refused(attack(["train", "reid", "root", "--out", "m.safetensors"], cwd=work), "m.safetensors", "--overwrite")


@pytest.mark.parametrize("part", ["gt/gt.txt", "seqinfo.ini", "det/det.txt"])
def test_drawn_streets_keep_what_is_there(part: str, work: Path) -> None:
    with kept(put(work / "streets/drive000-000" / part)):
        words = ["simulate", "driving", "streets", "--sequences", "1", "--seconds", "1", "--detections"]
        refused(attack(words, cwd=work), "--overwrite")


@pytest.mark.parametrize("name", ["inspect.json", "neurons.png", "pairs.png", "time_constants.png"])
def test_inspect_keeps_what_is_there(name: str, work: Path) -> None:
    with kept(put(work / "out" / name)):
        refused(attack(["inspect", "--out", "out"], cwd=work), name, "--overwrite")


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda v: v.__name__)
def test_render_keeps_what_is_there(victim: Callable[[Path], Path], work: Path) -> None:
    with kept(victim(work / "o.mp4"), work / "clip.mp4", work / "det.txt"):
        refused(attack(["render", "clip.mp4", "det.txt", "--video", "o.mp4"], cwd=work), "o.mp4")


@pytest.mark.parametrize("to", ["clip.mp4", "det.mp4"])
def test_render_never_writes_what_it_reads(to: str, work: Path) -> None:
    (work / "det.mp4").hardlink_to(work / "det.txt")
    with kept(work / "clip.mp4", work / "det.txt"):
        refused(attack(["render", "clip.mp4", "det.txt", "--video", to, "--overwrite"], cwd=work), "itself")


@pytest.mark.parametrize("name", ["demo.mp4", "demo.txt", "demo.jsonl", "demo.times.csv", "demo.run.toml"])
def test_the_demo_keeps_what_is_there(name: str, work: Path) -> None:
    with kept(put(work / "out" / name)):
        refused(attack(["demo", "--clip", "scene"], cwd=work), name)


# Its own results: again, changed, of other settings, cut off.


def results(work: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in work.rglob("*") if p.is_file() and p.suffix in (".jsonl", ".txt", ".csv")}


@pytest.mark.parametrize("flag", FLAGS)
def test_the_same_command_replaces_its_own_results(flag: str, work: Path) -> None:
    for _ in range(2):
        assert_answered(attack(track(flag=flag), cwd=work), 0)
    assert not list(work.glob(".*.lock"))


@pytest.mark.parametrize("flag", ["mot", "jsonl", "coco", "yolo", "video"])
@pytest.mark.parametrize("part", [0, 1])
def test_a_result_that_was_changed_by_hand_is_kept(flag: str, part: int, work: Path) -> None:
    assert_answered(attack(track(flag=flag), cwd=work), 0)
    made = [work / name for name in MADE[flag] if (work / name).is_file()]
    hurt = made[min(part, len(made) - 1)]
    hurt.write_bytes(hurt.read_bytes()[:-3] + HAND)
    with kept(*made):
        refused(attack(track(flag=flag), cwd=work), "changed since", "--overwrite")
    assert_answered(attack(track("--overwrite", flag=flag), cwd=work), 0)
    assert not hurt.read_bytes().endswith(HAND)


@pytest.mark.parametrize("flag", ["mot", "jsonl", "yolo", "video"])
def test_a_result_of_other_settings_is_kept(flag: str, work: Path) -> None:
    assert_answered(attack(track(flag=flag), cwd=work), 0)
    with kept(*(work / name for name in MADE[flag])):
        said = refused(attack(track("--life", "1", flag=flag), cwd=work), "other settings", "--overwrite")
        assert "life was the default and is '1.0'" in said
    assert_answered(attack(track("--life", "1", "--overwrite", flag=flag), cwd=work), 0)


def test_a_label_added_by_hand_is_kept(work: Path) -> None:
    assert_answered(attack(track(flag="yolo"), cwd=work), 0)
    with kept(put(work / "ds/labels/street_8.txt")):
        refused(attack(track(flag="yolo"), cwd=work), "changed since")
        assert_answered(attack(track("--overwrite", flag="yolo"), cwd=work), 0)


def test_labels_of_an_earlier_longer_run_make_room(work: Path) -> None:
    assert_answered(attack(track(flag="yolo"), cwd=work), 0)
    assert len(list((work / "ds/labels").iterdir())) == 20
    assert_answered(attack(track("--end", "0.3", "--overwrite", flag="yolo"), cwd=work), 0)
    assert len(list((work / "ds/labels").iterdir())) == 5


def test_a_backup_by_hard_links_keeps_the_old_result(work: Path) -> None:
    assert_answered(attack(track(), cwd=work), 0)
    (work / "backup.jsonl").hardlink_to(work / "o.jsonl")
    with kept(work / "backup.jsonl"):
        assert_answered(attack(track("--life", "1", "--score", "0.99", "--overwrite"), cwd=work), 0)
        assert (work / "o.jsonl").read_bytes() != (work / "backup.jsonl").read_bytes()


BAD_STARTS = {
    "no such source": ["track", "none.mp4", "--detector", "file:det.txt"],
    "no such detector": ["track", "clip.mp4", "--detector", "file:none.txt"],
    "weights that are none": ["track", "clip.mp4", "--detector", "onnx:det.txt"],
    "a detector that fails": ["track", "clip.mp4", "--detector", "python:failing:Detector"],
    "no frame": ["track", "clip.mp4", "--detector", "file:det.txt", "--start", "1000"],
}


@pytest.mark.parametrize("how", BAD_STARTS)
def test_a_run_that_fails_at_its_first_frame_leaves_old_results(how: str, work: Path) -> None:
    flags = [word for flag in FILES for word in (f"--{flag}", NAMES[flag])] + ["--yolo", "ds"]
    flags[flags.index("o.kitti")] = "k.txt"
    put(work / "failing.py", b"class Detector:\n    names = ('a',)\n    def __call__(self, frame):\n        1 / 0\n")
    assert_answered(attack(["track", "clip.mp4", "--detector", "file:det.txt", *flags], cwd=work), 0)
    old = [work / name for name in (*(NAMES[f] for f in FILES if f != "kitti"), "k.txt", "ds", "o.run.toml")]
    with kept(*old):
        answer = attack([*BAD_STARTS[how], *flags, "--overwrite"], cwd=work)
        assert_answered(answer, (0, 1, 2), more_lines=True)


def test_a_killed_runs_results_are_readable_and_are_not_replaced_unasked(work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", "--jsonl", "o.jsonl", "--quiet"]
    with start(words, cwd=work) as running:
        wait_for(lambda: (work / "o.jsonl").is_file() and (work / "o.jsonl").read_bytes().count(b"\n") > 2)
        running.signal(signal.SIGKILL)
        running.wait()
    with kept(work / "o.jsonl"):
        refused(attack(words, cwd=work), "cut off", "--overwrite")
    assert [json.loads(line) for line in (work / "o.jsonl").read_text().splitlines()]
    assert list(work.glob(".*.lock")), "a kill leaves the lock's file behind, which must be in nobody's way"
    assert_answered(attack([*track("--overwrite")], cwd=work), 0)
    assert not list(work.glob(".*.lock"))


SLOW = b"""import time
import numpy as np
from tracker.types import Detections
class Detector:
    names = ("a",)
    def __call__(self, frame):
        time.sleep(0.3)
        return Detections(np.array([[10, 40, 34, 64]], np.float32), np.array([0.9], np.float32), np.array([0]))
"""


def wait_for(ready: Callable[[], bool], seconds: float = 25.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("flag", ["video", "jsonl", "mot", "coco", "cvat", "yolo"])
def test_two_runs_at_once_do_not_mix_their_files(flag: str, work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", f"--{flag}", NAMES[flag], "--quiet"]
    with start(words, cwd=work) as first:
        wait_for(lambda: (work / NAMES[flag]).exists())
        refused(attack([*words, "--overwrite"], cwd=work), "being written by another run")
        assert_answered(first.wait(), 0)
    assert_answered(attack([*words, "--end", "0.1", "--overwrite"], cwd=work), 0)


def test_two_runs_into_one_folder_do_not_hinder_each_other(work: Path) -> None:
    put(work / "slow.py", SLOW)
    words = ["track", "clip.mp4", "--detector", "python:slow:Detector", "--end", "0.3", "--quiet", "--mot"]
    with start([*words, "a.txt"], cwd=work) as one, start([*words, "b.txt"], cwd=work) as other:
        assert_answered(one.wait(), 0)
        assert_answered(other.wait(), 0)
    for name in ("a.txt", "b.txt"):
        assert_answered(attack([*words, name], cwd=work), 0)


# What is nobody's data, and what is said.


def test_devices_and_pipes_are_exempt(work: Path) -> None:
    assert_answered(attack(track(to="/dev/null"), cwd=work), 0)
    os.mkfifo(work / "pipe")
    handle = os.open(work / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert_answered(attack(track(to="pipe", flag="mot"), cwd=work), 0)
        assert b"1,1," in os.read(handle, 1 << 16)
    finally:
        os.close(handle)


@pytest.mark.parametrize("to", ["-", "/dev/stdout"])
def test_json_lines_on_standard_output_are_nothing_but_lines(to: str, work: Path) -> None:
    answer = attack(track(to=to), cwd=work)
    assert_answered(answer, 0)
    lines = [json.loads(line) for line in answer.stdout.decode().splitlines()]
    assert len(lines) == 21
    assert "20 frames" in answer.stderr.decode()


def test_standard_output_that_is_appended_to_a_file_keeps_what_the_file_held(work: Path) -> None:
    log = put(work / "all.jsonl", HAND)
    with log.open("ab") as file:
        assert_answered(attack(track(to="-"), cwd=work, stdout=file.fileno()), 0)
    assert log.read_bytes().startswith(HAND)
    assert len(log.read_bytes().splitlines()) == 22


def test_without_a_flag_the_results_lie_beside_the_source_and_are_named(work: Path) -> None:
    (work / "in").mkdir()
    (work / "clip.mp4").rename(work / "in/clip.mp4")
    answer = attack(["track", "in/clip.mp4", "--detector", "file:det.txt"], cwd=work)
    assert_answered(answer, 0)
    assert answer.stdout.decode().splitlines()[0] == "writing in/clip.tracked.mp4 and in/clip.jsonl"
    assert {p.name for p in (work / "in").glob("[!.]*")} == {
        "clip.mp4", "clip.tracked.mp4", "clip.jsonl", "clip.tracked.run.toml",
    }  # fmt: skip
    assert_answered(attack(["track", "in/clip.mp4", "--detector", "file:det.txt", "--out", "there"], cwd=work), 0)
    assert {p.name for p in (work / "there").glob("clip.[mjt]*")} > {"clip.tracked.mp4", "clip.jsonl"}


@pytest.mark.parametrize("name", ["clip.tracked.mp4", "clip.jsonl"])
def test_the_default_outputs_keep_what_is_there(name: str, work: Path) -> None:
    with kept(put(work / name)):
        refused(attack(["track", "clip.mp4", "--detector", "file:det.txt"], cwd=work), name, "--overwrite")


def test_labels_beside_a_video_are_numbered_by_it(work: Path) -> None:
    words = track("--every", "3", "--video", "o.mp4", "--mot", "o.txt", "--coco", "o.json", "--cvat", "o.xml")
    assert_answered(attack([*words, "--yolo", "ds"], cwd=work), 0)
    lines = [json.loads(line) for line in (work / "o.jsonl").read_text().splitlines()[1:]]
    assert [line["frame"] for line in lines] == list(range(7))
    assert [line["source_frame"] for line in lines] == list(range(0, 21, 3))
    table = np.loadtxt(work / "o.times.csv", delimiter=",", skiprows=1)
    assert table[:, 0].tolist() == list(range(1, 8))
    assert table[:, 1].tolist() == list(range(1, 22, 3))
    assert [p.stem for p in sorted((work / "ds/labels").iterdir())] == [f"{k:06d}" for k in range(1, 8)]


def test_a_manifest_that_is_not_ours_is_kept(work: Path) -> None:
    for content in (HAND, b"{", b"[]", b'{"format": 3}', b"\xff\xfe" * 100):
        put(work / ".liquidtrack.json", content)
        with kept(work / ".liquidtrack.json"):
            for k in range(2):
                assert_answered(attack(track(to=f"{len(content)}-{k}.jsonl"), cwd=work), 0)


def test_every_file_that_a_format_writes_is_known_to_the_guard(work: Path) -> None:
    for flag in FLAGS:
        if flag in FORMATS:
            folder = work / f"all-{flag}"
            folder.mkdir()
            output = FORMATS[flag].layout.output(f"--{flag}", folder / NAMES[flag])
            words = ["track", "../clip.mp4", "--detector", "file:../det.txt", f"--{flag}", NAMES[flag]]
            assert_answered(attack(words, cwd=folder), 0)
            known = {path for place in output.places() for path in place.files()}
            made = {path for path in folder.rglob("*") if path.is_file() and path.name != ".liquidtrack.json"}
            assert made - known == {path for path in made if path.name.endswith("run.toml")}, flag


PICTURED = {"images": ["--images", "pics"], "yolo": ["--yolo", "pics", "--yolo-images"]}


@pytest.mark.parametrize("flag", PICTURED)
def test_pictures_of_the_users_stay_and_own_ones_are_replaced(flag: str, work: Path) -> None:
    words = ["track", "clip.mp4", "--detector", "file:det.txt", *PICTURED[flag]]
    folder, name = (work / "pics", "frame_{:06d}.jpg") if flag == "images" else (work / "pics/images", "{:06d}.jpg")
    theirs, same, stale = put(folder / "IMG_1.jpg"), put(folder / name.format(1)), put(folder / name.format(900))
    for more in ([], ["--every", "2"]):
        with kept(folder):
            refused(attack([*words, *more], cwd=work), "--overwrite")
    with kept(theirs):
        assert_answered(attack([*words, "--overwrite"], cwd=work), 0)
        assert same.read_bytes() != HAND
        assert not stale.exists(), "a picture of another run would be taken for one of this"
        refused(attack(words, cwd=work), "not written by this command", "--overwrite")
    theirs.unlink()
    assert_answered(attack([*words, "--overwrite"], cwd=work), 0)
    made = sorted(folder.iterdir())
    assert_answered(attack(words, cwd=work), 0)  # its own, and nothing else
    assert sorted(folder.iterdir()) == made
