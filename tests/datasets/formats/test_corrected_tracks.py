"""What a person said of tracks survives every format that can hold it; what cannot be held is listed and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.formats import FORMATS, read, write
from datasets.formats.annotations import Annotations
from datasets.formats.carries import CARRIES, PARTS, Carry, left_out, parts_of
from datasets.formats.config import LabelConfig
from datasets.formats.provenance import Provenance
from datasets.formats.track_info import TrackInfo
from models.errors import DataError
from tests.support.annotations import BY_ROWS, assert_carried, assert_same, corrected, corrected_files, target

EXACT = LabelConfig(cvat_keyframes="0")
EACH = pytest.mark.parametrize("name", FORMATS)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
SEEN, FILLED, DRAWN, CONFIRMED, TRACKED, PREDICTED = Provenance


@EACH
@given(want=corrected_files())
@QUICK
def test_corrected_tracks_round_trip_as_far_as_the_table_says(
    name: str, want: Annotations, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if CARRIES[name].get("ignore") != Carry.EXACT:
        want = replace(want, ignore=np.zeros(len(want), bool))
    path = target(tmp_path_factory.mktemp("corrected"), name)
    write(want, path, name, config=EXACT)
    got = read(path, name)
    assert_same(got, want, names=name not in BY_ROWS)
    assert_carried(got, want, name)


def test_every_format_stands_in_the_table_and_in_the_documents() -> None:
    assert set(CARRIES) == set(FORMATS)
    page = (Path(__file__).parents[3] / "docs" / "formats" / "files.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in page.splitlines() if "|" in line]
    head = next(row for row in rows if row[0] == "what" and "jsonl" in row)
    table = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows if row[0] in PARTS.values()}
    for part, words in PARTS.items():
        for name, held in CARRIES.items():
            assert table[words][name] == (held[part].value if part in held else "no"), (words, name)


def test_what_a_format_cannot_hold_is_named() -> None:
    a = corrected()
    assert left_out(a, "jsonl") == []
    assert left_out(a, "cvat") == ["accepted tracks"]
    assert left_out(a, "mot") == [
        "how boxes came about", "occlusion", "names of tracks", "attributes", "absences", "accepted tracks",
    ]  # fmt: skip
    plain = replace(a, provenance=None, occluded=None, tracks=())
    assert parts_of(plain) == ["size"]


def test_cvat_has_the_key_frames_of_the_person_and_straight_lines_between(tmp_path: Path) -> None:
    write(corrected(), tmp_path / "a.xml")
    text = (tmp_path / "a.xml").read_text()
    track = text[text.index('<track id="7"') : text.index("</track>", text.index('<track id="7"'))]
    assert track.startswith('<track id="7" label="dancer" source="semi-auto">')
    frames = [int(line.split('"')[1]) for line in track.splitlines() if line.startswith("<box")]
    assert frames == [0, 4, 5, 8, 10, 11, 15, 16, 19]  # 4, 8: occlusion; 5, 16: the pose; 11: gone
    assert '<attribute name="between">filled</attribute>' in track
    assert '<track id="2" label="dancer" source="auto">' in text
    assert "<name>dress</name><mutable>False</mutable>" in text
    assert "<name>pose</name><mutable>True</mutable>" in text
    got = read(tmp_path / "a.xml")
    assert_same(got, corrected())
    assert_carried(got, corrected(), "cvat")
    (info,) = got.tracks
    assert (info.id, info.name, info.absences) == (7, "Anna", ((11, 14),))


def test_ids_survive_that_cvat_numbers_tracks_anew(tmp_path: Path) -> None:
    write(corrected(), tmp_path / "a.xml")
    text = (tmp_path / "a.xml").read_text()
    # CVAT numbers tracks from 0; a person adds one, which gets a number that is another track's own id.
    text = text.replace('<track id="7"', '<track id="0"').replace('<track id="2"', '<track id="1"')
    new = '<track id="2" label="dancer" source="manual"><box frame="3" outside="0" occluded="0" keyframe="1"'
    new += ' xtl="1" ytl="1" xbr="9" ybr="9"></box><box frame="4" outside="1" occluded="0" keyframe="1"'
    new += ' xtl="1" ytl="1" xbr="9" ybr="9"></box></track></annotations>'
    (tmp_path / "b.xml").write_text(text.replace("</annotations>", new))
    got = read(tmp_path / "b.xml")
    assert sorted(set(got.id.tolist())) == [2, 7, 8]
    assert got.id[got.row == 3].tolist().count(8) == 1
    assert (got.id == 7).sum() == (corrected().id == 7).sum()


def test_provenance_of_cvats_own_tracks_follows_their_source(tmp_path: Path) -> None:
    box = '<box frame="{}" outside="{}" occluded="0" keyframe="1" xtl="{}" ytl="1" xbr="40" ybr="9"></box>'
    boxes = box.format(0, 0, 1) + box.format(2, 0, 3) + box.format(3, 1, 3) + box.format(5, 0, 9) + box.format(6, 1, 9)
    tracks = "".join(
        f'<track id="{k}" label="a" source="{source}">{boxes}</track>'
        for k, source in enumerate(("manual", "semi-auto", "auto"))
    )
    (tmp_path / "a.xml").write_text(f"<annotations><meta><stop_frame>6</stop_frame></meta>{tracks}</annotations>")
    got = read(tmp_path / "a.xml")
    assert got.provenance is not None
    assert got.provenance[got.id == 0].tolist() == [DRAWN, FILLED, DRAWN, DRAWN]
    assert got.provenance[got.id == 1].tolist() == [TRACKED, FILLED, TRACKED, TRACKED]
    assert got.provenance[got.id == 2].tolist() == [SEEN] * 4
    assert {info.id: info.absences for info in got.tracks} == {0: ((3, 4),), 1: ((3, 4),)}


def test_cvat_with_only_a_persons_key_frames_leaves_the_rest_to_cvat(tmp_path: Path) -> None:
    a = corrected()
    a = replace(a, xyxy=a.xyxy + np.random.default_rng(0).normal(0, 3, (len(a), 1)).astype(np.float32))
    write(a, tmp_path / "a.xml", config=LabelConfig(cvat_keyframes="person"))
    got = read(tmp_path / "a.xml")
    assert sorted(zip(got.row, got.id, strict=True)) == sorted(zip(a.row, a.id, strict=True))
    text = (tmp_path / "a.xml").read_text()
    track = text[text.index('<track id="2"') :].partition("</track>")[0]
    assert track.count("<box ") == 2  # seen throughout: its ends alone


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"id": 7,', '"id": -7,', "a.jsonl line 1 track 1: it has no id, a whole number from 0."),
        ('{"dress": "red"}', '{"dress": 3}', 'line 1 track 1: attributes are {"name": "value", ...}, both texts.'),
        ('[5, "pose", "spin"]', '[5, "pose"]', 'changes are [[frame, "attribute", "value"], ...].'),
        ("[11, 14]", "[14, 11]", "absences are [[first, last], ...], whole numbers of frames, first <= last."),
        ('"drawn"', '"painted"', "line 2 box 2: \"provenance\" is 'painted'; it is one of seen, filled, drawn"),
        ('"occluded": true', '"occluded": 1', '"occluded" is neither true nor false'),
    ],
)
def test_wrong_words_about_tracks_are_one_sentence(old: str, new: str, message: str, tmp_path: Path) -> None:
    write(corrected(), tmp_path / "a.jsonl")
    text = (tmp_path / "a.jsonl").read_text()
    assert old in text
    (tmp_path / "a.jsonl").write_text(text.replace(old, new, 1))
    with pytest.raises(DataError) as error:
        read(tmp_path / "a.jsonl")
    assert message in str(error.value)


def test_attributes_of_other_programs_coco_are_the_tracks(tmp_path: Path) -> None:
    text = """{"images": [{"id": 1, "width": 64, "height": 48}, {"id": 2, "width": 64, "height": 48}],
      "categories": [{"id": 1, "name": "car"}], "tracks": [{"id": "x", "attributes": 3}],
      "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "track_id": 5,
         "attributes": {"occluded": true, "colour": "red", "parked": false, "keyframe": true}},
        {"image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "track_id": 5,
         "attributes": {"occluded": false, "colour": "red", "parked": true}}]}"""
    (tmp_path / "a.json").write_text(text)
    got = read(tmp_path / "a.json")
    assert got.occluded is not None
    assert got.occluded.tolist() == [True, False]
    assert got.tracks == (
        TrackInfo(5, attributes=(("colour", "red"), ("parked", "false")), changes=((1, "parked", "true"),)),
    )


RUN = st.tuples(st.sampled_from(list(Provenance)), st.integers(1, 9), st.booleans())  # origin, frames, there
STEP = st.floats(-6, 6, width=32)


@pytest.mark.parametrize(("name", "keys"), [("cvat", "2px"), ("labelstudio", "2px"), ("labelstudio", "0.5px")])
@given(runs=st.lists(RUN, min_size=1, max_size=8), seed=st.integers(0, 99), size=STEP)
@QUICK
def test_few_key_frames_keep_presence_and_provenance_and_stay_near(
    name: str,
    keys: str,
    runs: list[tuple[Provenance, int, bool]],
    seed: int,
    size: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    origin = np.repeat(np.array([run[0] for run in runs], np.uint8), [run[1] for run in runs])
    there = np.repeat(np.array([run[2] for run in runs], bool), [run[1] for run in runs])
    rng = np.random.default_rng(seed)
    corner = 100 + np.cumsum(rng.normal(0, abs(size) + 0.01, (len(origin), 2)), axis=0)
    box = np.hstack([corner, corner + 50 + rng.random((len(origin), 2))]).astype(np.float32)[there]
    n = len(box)
    want = Annotations(
        np.arange(len(origin)), np.arange(len(origin)) / 25, np.flatnonzero(there), np.full(n, 3), box,
        np.ones(n, np.float32), np.zeros(n, np.int64), ("a",), np.zeros(n, bool), (640, 480),
        provenance=origin[there],
    )  # fmt: skip
    path = target(tmp_path_factory.mktemp("keys"), name)
    write(want, path, name, config=LabelConfig(cvat_keyframes=keys))
    got = read(path, name)
    back = np.argsort(got.row)
    assert got.row[back].tolist() == want.row.tolist()
    assert set(got.id.tolist()) <= {3}
    assert np.abs(got.xyxy[back] - want.xyxy).max(initial=0) <= float(keys.removesuffix("px")) + 0.002
    origins = np.zeros(n, np.uint8) if got.provenance is None else got.provenance[back]
    assert want.provenance is not None
    assert origins.tolist() == want.provenance.tolist()
    drawn = want.provenance == DRAWN
    assert np.abs(got.xyxy[back][drawn] - want.xyxy[drawn]).max(initial=0) < 0.002  # a person's boxes are exact
