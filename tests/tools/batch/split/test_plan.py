"""Where recordings are cut: real files of several kinds, and what cannot be cut."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from datasets import open_source
from datasets.sources.config import SourceConfig
from models.errors import ConfigError
from tests.support.segment_films import B_FRAMES, edited, film, pictures, settings, uneven_ms
from tests.support.striped_video import encode, number_of
from tools.batch.split.plan import SplitPlan, cut, plan
from tools.track.config.video import OutputConfig, TrackConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.masks.config import OutlineConfig
from tracker.reid.config import ReidConfig

SPLIT, OVERLAP = 6.0, 1.0


def planned(source: Path, **reading: object) -> SplitPlan:
    config = settings(
        source,
        OutputConfig(),
        reading=SourceConfig(**reading),
        tracking=TrackerConfig(max_age=OVERLAP),  # type: ignore[arg-type]
    )
    return plan(config, SPLIT, OVERLAP)


steps = st.lists(st.floats(0.001, 3.0), min_size=1, max_size=80)


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.sets(st.integers(0, 79)), st.floats(2.0, 50.0), st.floats(0.05, 0.5))
def test_segments_cover_a_recording_and_share_frames_with_the_next_one_alone(
    gaps: list[float], keys: set[int], split: float, share: float
) -> None:
    times = np.cumsum(gaps) - gaps[0]
    known = np.array(sorted(k for k in keys if k < len(times)), np.int64)
    begins, ends = (part.tolist() for part in cut(times, known, split, share * split))
    assert (begins[0], ends[-1]) == (0, len(times))
    assert all(a < b for a, b in pairwise(begins))
    assert all(end - begin >= 2 for begin, end in zip(begins[1:], ends, strict=False))
    assert all(begin >= end for begin, end in zip(begins[2:], ends, strict=False))
    for first, begin in pairwise(begins):  # at a key frame, or decoded from one for no longer than a segment
        lead = times[begin] - max((times[k] for k in known if k <= begin), default=0.0)
        assert begin in known or lead <= 1.25 * split + max(gaps) or begin <= first + 1


def test_key_frame_near_the_wanted_place_is_taken() -> None:
    times = np.arange(1000) / 10
    begins, ends = cut(times, np.array([0, 280, 640, 900]), 30.0, 5.0)
    assert begins.tolist() == [0, 280, 640, 900]
    assert ends.tolist() == [330, 690, 950, 1000]


def test_recording_without_key_frame_near_is_cut_between_two() -> None:
    times = np.arange(1000) / 10
    begins, _ = cut(times, np.array([0, 500]), 30.0, 5.0)
    assert begins.tolist() == [0, 300, 600]  # the rest would be decoded from 500 on for more than a segment's length


@pytest.mark.parametrize("kind", ["mkv", "mp4", "edited", "ts", "mpeg4", "pictures", "timed"])
def test_each_segment_reads_its_frames_with_their_numbers_and_times(kind: str, tmp_path: Path) -> None:
    reading: dict[str, object] = {}
    if kind == "edited":
        source = edited(tmp_path / "a.mp4")
    elif kind == "pictures":
        source = pictures(tmp_path / "a", uneven_ms())
    elif kind == "mpeg4":
        source = film(tmp_path / "a.mp4", codec="mpeg4", options={"g": "20", "bf": "2"})
    elif kind == "timed":
        source = film(tmp_path / "a.mkv")
        (tmp_path / "times.txt").write_text("".join(f"{0.125 * k}\n" for k in range(250)))
        reading = {"times": tmp_path / "times.txt"}
    else:
        source = film(tmp_path / f"a.{kind}")
    found = planned(source, **reading)
    assert found.note == ""
    assert len(found.segments) > 3
    with open_source(str(source), SourceConfig(**reading)) as opened:  # type: ignore[arg-type]
        whole = [(frame.index, frame.time, number_of(frame.bgr)) for frame in opened]
    for segment in found.segments:
        with open_source(str(source), segment.reading(SourceConfig(**reading))) as opened:  # type: ignore[arg-type]
            got = [(frame.index, frame.time, number_of(frame.bgr)) for frame in opened]
        assert got == whole[segment.first : segment.end]
    assert found.segments[-1].end == len(whole)


def test_part_of_a_recording_is_cut(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    config = SourceConfig(start=3.0, end=20.0, every=2)
    found = plan(settings(source, OutputConfig(), reading=config), SPLIT, OVERLAP)
    assert (found.segments[0].start_s, found.segments[-1].end_s) == (3.0, 20.0)
    with open_source(str(source), config) as opened:
        whole = [frame.index for frame in opened]
    for segment in found.segments:
        with open_source(str(source), segment.reading(config)) as opened:
            assert [frame.index for frame in opened] == whole[segment.first : segment.end]


def test_short_recording_stays_in_one_piece_without_a_word(tmp_path: Path) -> None:
    source = encode(tmp_path / "a.mkv", range(0, 4000, 40), options=B_FRAMES)
    found = planned(source)
    assert len(found.segments) == 1
    assert found.note == ""


def test_video_with_one_key_frame_says_that_its_segments_are_long(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv", options={"g": "9999", "bf": "0", "sc_threshold": "0"})
    found = planned(source)
    assert "few key frames" in found.note
    assert [segment.first for segment in found.segments][:1] == [0]
    assert len(found.segments) == 2


def test_video_whose_frames_only_decoding_finds_stays_in_one_piece(tmp_path: Path) -> None:
    source = encode(tmp_path / "a.avi", range(250), "mpeg4", Fraction(1, 10), {"bf": "2", "g": "20"})
    found = planned(source)
    assert len(found.segments) == 1
    assert "in one piece" in found.note
    assert "decoding" in found.note


def test_rendered_scene_stays_in_one_piece() -> None:
    found = plan(TrackConfig("scene:3"), SPLIT * 4, OVERLAP)
    assert len(found.segments) == 1
    assert "in one piece" in found.note


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"returning": ReidConfig(reid=True)}, "--reid"),
        ({"outlining": OutlineConfig(outlines=True)}, "--outlines"),
        ({"keep_ids": True, "detection": DetectorConfig("file:a.txt")}, "--keep-ids"),
        ({"output": OutputConfig(show=True)}, "--show"),
        ({"output": OutputConfig(masks=Path("masks"))}, "--masks"),
    ],
)
def test_settings_that_need_the_recording_in_one_piece_are_refused(
    change: dict[str, object], said: str, tmp_path: Path
) -> None:
    config = replace(settings(tmp_path / "a.mkv", OutputConfig()), **change)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=f"{said}.* needs the recording in one piece"):
        plan(config, SPLIT, OVERLAP)


def test_overlap_is_as_long_as_a_lost_track_lives_or_that_is_said(tmp_path: Path) -> None:
    config = settings(film(tmp_path / "a.mkv"), OutputConfig(), tracking=TrackerConfig(max_age=3.0))
    assert "a lost track is kept for 3 s (--max-age)" in plan(config, SPLIT, OVERLAP).note
    assert plan(config, SPLIT, 3.0).note == ""
    patient = replace(config, tracking=TrackerConfig(max_age=12.0))
    with pytest.raises(ConfigError, match="segments share 12 s, so give at least 24 s"):
        plan(patient, 20.0)


@pytest.mark.parametrize(("split", "overlap"), [(1.5, 1.0), (0.0, 1.0), (6.0, 0.0), (float("inf"), 1.0), (9.0, None)])
def test_segments_too_short_for_their_overlap_are_refused(split: float, overlap: float | None, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="split"):
        plan(settings(tmp_path / "a.mkv", OutputConfig()), split, overlap)
