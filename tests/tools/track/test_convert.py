"""`liquidtrack convert`: its settings, its output, and errors."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from datasets.formats import FORMATS, read, write
from datasets.formats.annotations import Annotations
from datasets.projects.project import Project
from datasets.projects.types import SourceRecord
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from models.errors import DataError
from tests.support.annotations import assert_same, corrected
from tools.cli.main import main
from tools.track.config.convert import FormatName

GT = "1,1,10,20,30,40,1,1,1\n1,2,50,60,7,8,1,1,1\n4,1,12,20,30,40,1,1,1\n"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """A small sequence with uneven times and a frame without boxes; its gt.txt."""
    folder = tmp_path / "street" / "gt"
    folder.mkdir(parents=True)
    (folder / "gt.txt").write_text(GT)
    (folder.parent / "times.csv").write_text("frame,source_frame,time\n1,1,0\n2,4,0.125\n4,9,0.625\n")
    (folder.parent / "seqinfo.ini").write_text("[Sequence]\nimWidth=640\nimHeight=480\n")
    return folder / "gt.txt"


def test_settings_list_every_format() -> None:
    assert set(get_args(FormatName)) == set(FORMATS)


def test_every_format_converts_to_every_other(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {name: tmp_path / name / f"a{form.layout.suffix}" for name, form in FORMATS.items()}
    for name, path in places.items():
        assert main(["convert", str(truth), str(path), "--to", name]) == 0
    assert "3 boxes, 2 ids, 3 frames, 0.625 s" in capsys.readouterr().out
    for (a, source), (b, _) in itertools.product(places.items(), repeat=2):
        again = tmp_path / f"{a}-{b}" / f"b{FORMATS[b].layout.suffix}"
        assert main(["convert", str(source), str(again), "--from", a, "--to", b, "--size", "640x480"]) == 0
        got = read(again)
        assert got.frames.tolist() == [0, 1, 3]
        assert got.times is not None
        assert got.times.tolist() == [0, 0.125, 0.625]
        assert sorted(zip(got.row.tolist(), got.id.tolist(), strict=True)) == [(0, 1), (0, 2), (2, 1)]
        assert np.allclose(got.xyxy[(got.row == 2)], [[12, 20, 42, 60]], atol=0.01)
        assert {got.names[k] for k in got.label} == {"pedestrian"}


def test_the_source_keeps_its_name(truth: Path, tmp_path: Path) -> None:
    assert main(["convert", str(truth), str(tmp_path / "a.json")]) == 0
    assert '"name": "street"' in (tmp_path / "a.json").read_text()


def test_rate_supplies_missing_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text(GT)
    assert main(["convert", str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")]) == 0
    assert "no times (--rate gives some)" in capsys.readouterr().out
    assert main(["convert", str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl"), "--rate", "12.5", "--overwrite"]) == 0
    assert read(tmp_path / "b.jsonl").times.tolist() == [0, 0.24]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["a.txt", "a.txt"], "the result a.txt is the input a.txt itself; name another place"),
        (["none.txt", "b.json"], "none.txt cannot be read (No such file or directory)"),
        (["a.txt", "b.avi"], "no format is written with the suffix '.avi'; name one of mot, jsonl"),
        (["a.txt", "b.jsonl", "--rate", "-1"], "the rate is -1.0; give frames a second"),
        (["a.txt", "b", "--size", "640"], "the size is '640'; write it as WIDTHxHEIGHT"),
        (["a.txt", "b"], "YOLO counts in fractions of the picture, whose size is not known"),
        (["a.txt", "a.txt/b.json"], "a part of it is a file where a folder is due"),
        (["bad.txt", "b.json"], "bad.txt line 1: height is -40.0; a box needs a positive height (use --skip-bad-rows"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text(GT)
    Path("bad.txt").write_text("1,1,10,20,30,-40,1\n2,1,10,20,30,40,1\n")
    assert main(["convert", *words]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    if "bad.txt" in words:
        assert main(["convert", *words, "--skip-bad-rows"]) == 0


@pytest.mark.parametrize("to", ["mot", "kitti"])
@pytest.mark.parametrize("seqinfo", [True, False], ids=["recording", "folder"])
def test_labels_beside_images_do_not_add_times(to: str, seqinfo: bool, tmp_path: Path) -> None:
    folder = tmp_path / "street"
    (folder / "img1").mkdir(parents=True)
    for k in range(3):
        cv2.imwrite(str(folder / f"img1/{k + 1:06}.png"), np.full((48, 64, 3), 40 * k, np.uint8))
    if seqinfo:
        (folder / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nframeRate=20\n")
    labels = tmp_path / "labels.xml"
    box = '<box frame="0" xtl="1" ytl="1" xbr="9" ybr="9" outside="0"/>'
    labels.write_text(
        "<annotations><meta><task><size>3</size></task></meta>"
        f'<track id="1" label="car">{box}{box.replace("0", "2", 1)}</track></annotations>'
    )
    assert main(["convert", str(labels), str(folder / "out.txt"), "--to", to]) == 0
    assert not (folder / "times.csv").exists()
    assert read(folder / "out.txt", to).frames.tolist() == [0, 1, 2]
    with open_source(str(folder if seqinfo else folder / "img1"), SourceConfig(rate=None if seqinfo else 20)) as source:
        assert [frame.time for frame in source] == pytest.approx([0, 0.05, 0.1])


@pytest.mark.parametrize("seqinfo", [True, False], ids=["recording", "folder"])
def test_converting_subsampled_tracks_keeps_frame_numbers(seqinfo: bool, tmp_path: Path) -> None:
    folder = tmp_path / "street"
    pictures = folder / "img1" if seqinfo else folder
    pictures.mkdir(parents=True)
    for k in range(4):
        cv2.imwrite(str(pictures / f"{k + 1:06}.png"), np.full((48, 64, 3), 40 * k, np.uint8))
    if seqinfo:
        (folder / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\nframeRate=20\nseqLength=4\n")
    (tmp_path / "det.txt").write_text(GT)
    words = ["track", str(folder), "--every", "2", "--detector", f"file:{tmp_path / 'det.txt'}", "--quiet"]
    for _ in range(2):
        assert main([*words, *([] if seqinfo else ["--rate", "20"]), "--mot", str(folder / "out.txt")]) == 0
    assert not (folder / "times.csv").exists()
    got = read(folder / "out.txt")
    assert got.times is not None
    assert got.times.tolist() == pytest.approx([0, 0.1])


def test_coco_lists_the_image_files_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("1,1,1,2,30,40,1,-1,-1,-1\n3,1,1,2,30,40,1,-1,-1,-1\n")
    (tmp_path / "pictures").mkdir()
    for name in ("p10.png", "p9.png", "p11.png"):
        (tmp_path / "pictures" / name).write_bytes(b"")
    words = ["convert", str(tmp_path / "a.txt"), str(tmp_path / "b.json"), "--images"]
    assert main([*words, str(tmp_path / "pictures")]) == 0
    assert [image["file_name"] for image in json.loads((tmp_path / "b.json").read_text())["images"]] == [
        "p9.png", "p11.png",
    ]  # fmt: skip
    (tmp_path / "pictures" / "p11.png").unlink()
    assert main([*words, str(tmp_path / "pictures")]) == 2
    assert "holds 2 pictures where the labels name frame 2" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "nowhere")]) == 2


def test_what_the_new_format_cannot_hold_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(corrected(), tmp_path / "a.jsonl")
    assert main(["convert", str(tmp_path / "a.jsonl"), str(tmp_path / "a.txt")]) == 0
    told, summary = capsys.readouterr().out.splitlines()
    assert told.endswith(
        "a.txt: left out, since this format has no place for it: how boxes came about, occlusion, names of tracks, "
        "attributes, absences, accepted tracks"
    )
    assert "36 boxes, 2 ids, 20 frames" in summary
    assert main(["convert", str(tmp_path / "a.jsonl"), str(tmp_path / "a.json")]) == 0
    assert "left out" not in capsys.readouterr().out


def test_parts_of_corrected_tracks_are_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = corrected()
    write(a, tmp_path / "a.jsonl")

    def export(name: str, *flags: str) -> Annotations:
        assert main(["convert", str(tmp_path / "a.jsonl"), str(tmp_path / name), "--overwrite", *flags]) == 0
        return read(tmp_path / name)

    assert set(export("b.jsonl", "--accepted").id.tolist()) == {7}
    keys = export("b.jsonl", "--keys")
    assert keys.row.tolist() == [0, 10, 15]
    assert len(keys.frames) == 20
    cvat = export("b.xml", "--keys")
    assert sorted(zip(cvat.row, cvat.id, strict=True)) == sorted(zip(a.row, a.id, strict=True))
    thin = export("b.jsonl", "--keep-rate", "5")
    assert thin.times is not None
    assert a.times is not None
    _, first = np.unique(np.floor(a.times * 5 + 1e-6), return_index=True)  # the first frame of each fifth of a second
    assert thin.frames.tolist() == first.tolist()
    assert len(first) < 12
    assert set(thin.row.tolist()) == set(range(len(first)))
    assert main(["convert", str(tmp_path / "a.jsonl"), str(tmp_path / "c.jsonl"), "--classes", "cat"]) == 2
    assert "no class is called 'cat'; there are dancer." in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "b.xml"), str(tmp_path / "c.jsonl"), "--accepted"]) == 2
    assert "no track was accepted" in capsys.readouterr().err


def test_a_project_is_converted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = corrected()
    assert a.times is not None
    source = SourceRecord("film.mp4", width=640, height=480, rate=25.0)
    path = tmp_path / "film.mp4.liquidtrack"
    with Project.create(path, source, a.names, a.frames, a.times, None) as project:
        project.import_annotations(a, "test")
    assert main(["convert", str(path), str(tmp_path / "a.jsonl")]) == 0
    assert "36 boxes, 2 ids, 20 frames" in capsys.readouterr().out
    got = read(tmp_path / "a.jsonl")
    assert_same(got, a)
    assert got.provenance is not None
    assert got.occluded is not None
    assert a.provenance is not None
    assert a.occluded is not None
    assert got.provenance.tolist() == a.provenance.tolist()
    assert got.occluded.tolist() == a.occluded.tolist()
    assert got.tracks == a.tracks
    with pytest.raises(DataError, match="is a project of corrected tracks; liquidtrack convert makes a label file of"):
        read(path)
    path.write_bytes(path.read_bytes()[:3000])
    assert main(["convert", str(path), str(tmp_path / "b.jsonl")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "film.mp4.liquidtrack" in line
