"""Doubtful identities are decided again with what comes before and after them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import WeightsError
from models.link_head.inference import own_link_head
from tests.support.walking_people import walkers
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.config import OfflineConfig
from tracker.offline.doubt.decisions import link_probabilities
from tracker.offline.linking.candidates import candidate_links
from tracker.offline.linking.features import FEATURES, link_features
from tracker.offline.linking.pieces import chains, cut_tracks, sure_pieces
from tracker.offline.linking.rounds import link_pieces
from tracker.offline.online import track_online
from tracker.offline.recording import Recording
from tracker.offline.track import refine_tracks, track_whole
from tracker.offline.types import Constraint, Kind, VideoDetections
from tracker.types import Detections, Float64, Int64

PLAIN = OfflineConfig(smooth=False, fill="none")


def detections(boxes: Float64, score: Float64) -> Detections:
    return Detections(boxes.astype(np.float32), score.astype(np.float32), np.zeros(len(boxes), np.int64))


def crossing(frames: int = 150, rate: float = 25.0) -> tuple[VideoDetections, Int64]:
    """Two people of different height who pass each other; the one behind is not detected for 0.4 s. And who is who."""
    found, who = [], []
    for k in range(frames):
        t = k / rate
        near = np.array([100 + 60 * t, 100, 150 + 60 * t, 250])
        far = np.array([460 - 60 * t, 110, 495 - 60 * t, 215])
        hidden = abs((near[0] + near[2]) / 2 - (far[0] + far[2]) / 2) < 12
        boxes = np.stack([near] if hidden else [near, far])
        found.append(
            (
                t,
                Detections(
                    boxes.astype(np.float32), np.full(len(boxes), 0.9, np.float32), np.zeros(len(boxes), np.int64)
                ),
            )
        )
        who += [0] if hidden else [0, 1]
    return VideoDetections.of(found, (640, 360)), np.array(who)


def random_walk(people: int = 8, frames: int = 200) -> VideoDetections:
    sequence = walkers(frames, people)
    random = np.random.default_rng(5)
    found = []
    for k, time in enumerate(sequence.times.tolist()):
        _, boxes, _ = sequence.truth.at(k)
        kept = random.random(len(boxes)) > 0.15
        noisy = (boxes + random.normal(0, 2, boxes.shape))[kept].astype(np.float32)
        found.append(
            (
                time,
                Detections(
                    noisy, random.uniform(0.5, 1, len(noisy)).astype(np.float32), np.zeros(len(noisy), np.int64)
                ),
            )
        )
    return VideoDetections.of(found, (1200, 800))


def track_of(video: VideoDetections, tracks_id: Int64, detection: Int64) -> Int64:
    track = np.full(len(video), -1)
    seen = detection >= 0
    track[detection[seen]] = tracks_id[seen]
    return track


def test_swapped_people_of_different_height_are_put_right() -> None:
    video, who = crossing()
    middle = video.frame >= 75
    swapped = np.where(middle, 1 - who, who)
    tracks = refine_tracks(video, swapped, PLAIN)
    track = track_of(video, tracks.id, tracks.detection)
    for one in (0, 1):
        assert len(set(track[who == one].tolist())) == 1
    assert track[who == 0][0] != track[who == 1][0]


def test_without_linking_the_tracks_are_the_online_ones() -> None:
    video = random_walk()
    online = track_online(video, TrackerConfig())
    tracks = track_whole(video, offline=replace(PLAIN, link=False))
    track = track_of(video, tracks.id, tracks.detection)
    assert (track >= 0).tolist() == (online.track >= 0).tolist()
    pairs = {(a, b) for a, b in zip(online.track.tolist(), track.tolist(), strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_no_detection_is_lost_and_none_is_used_twice() -> None:
    video = random_walk()
    online = track_online(video, TrackerConfig())
    tracks = track_whole(video, offline=PLAIN)
    assert len(np.unique(tracks.detection)) == len(tracks)
    assert set((online.track >= 0).nonzero()[0].tolist()) <= set(tracks.detection.tolist())


def test_every_link_start_and_end_is_one_decision_in_order_of_time() -> None:
    video = random_walk()
    tracks = track_whole(video, offline=PLAIN)
    d = tracks.decisions
    count = len(np.unique(tracks.id))
    kinds = np.bincount(d.kind, minlength=3).tolist()
    assert kinds == [len(tracks) - count, count, count]
    assert ((d.probability >= 0) & (d.probability <= 1)).all()
    time = video.frame[np.where(d.later >= 0, d.later, d.earlier)]
    assert (np.diff(time) >= 0).all()
    link = d.kind == Kind.LINK
    assert (video.frame[d.earlier[link]] < video.frame[d.later[link]]).all()
    assert (tracks.link[np.isin(tracks.detection, d.later[link])] < 1).all()


@pytest.mark.parametrize("block", [1, 100, 700])
def test_judging_links_in_blocks_of_tracks_changes_nothing(block: int) -> None:
    video = random_walk(12)
    recording = Recording.of(video, track_online(video, TrackerConfig()))
    linking = link_pieces(recording, 10.0)
    whole_links, whole = link_probabilities(recording, linking, linking.track, own_link_head())
    links, found = link_probabilities(recording, linking, linking.track, own_link_head(), block)
    assert links.at.tolist() == whole_links.at.tolist()
    assert len(found) == len(links.at) > 500
    np.testing.assert_allclose(found, whole, atol=1e-5)


def test_the_result_does_not_depend_on_when_the_recording_began() -> None:
    video = random_walk()
    later = replace(video, times=video.times + 1000.0)
    a, b = track_whole(video, offline=PLAIN), track_whole(later, offline=PLAIN)
    assert a.id.tolist() == b.id.tolist()
    np.testing.assert_allclose(a.link, b.link, atol=1e-3)


def test_a_person_s_statement_holds() -> None:
    video, who = crossing()
    first, last = (who == 0).nonzero()[0][0], (who == 1).nonzero()[0][-1]
    tracks = track_whole(video, offline=PLAIN, constraints=[Constraint(int(first), int(last), True)])
    track = track_of(video, tracks.id, tracks.detection)
    assert track[first] == track[last] >= 0


def test_features_are_finite_and_as_many_as_the_head_takes() -> None:
    video = random_walk(30)
    recording = Recording.of(video, track_online(video, TrackerConfig()))
    pieces = sure_pieces(video, recording.online, 8.0, 0.2)
    earlier, later = candidate_links(recording, pieces, 10.0)
    features, prior = link_features(recording, pieces, earlier, later, LiquidMotion())
    assert len(earlier) > 10
    assert features.shape == (len(earlier), FEATURES)
    assert np.isfinite(features).all()
    assert np.isfinite(prior).all()


def test_a_moving_camera_that_is_known_changes_nothing() -> None:
    video = random_walk()
    shift = np.cumsum(np.random.default_rng(0).normal(0, 6, (len(video.times), 2)), axis=0)
    boxes = video.xyxy + np.tile(shift[video.frame], 2).astype(np.float32)
    step = np.diff(shift, axis=0, prepend=shift[:1])
    warps = np.tile(np.eye(2, 3), (len(shift), 1, 1))
    warps[:, :, 2] = step
    still = Recording.of(video, track_online(video, TrackerConfig()))
    moving = Recording.of(replace(video, xyxy=boxes, warps=warps), still.online)
    offset = moving.coordinates - still.coordinates
    np.testing.assert_allclose(offset, np.tile(offset[:1], (len(offset), 1)), atol=1e-2)


def test_a_head_for_other_features_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    from models.link_head.config import LinkHeadConfig
    from models.link_head.inference import save_link_head
    from models.link_head.model import LinkHead

    path = tmp_path_factory.mktemp("head") / "other.safetensors"
    config = LinkHeadConfig(hidden=4)
    weights = {name: value.numpy() for name, value in LinkHead(5, 3, config).state_dict().items()}
    save_link_head(path, weights, config, {})
    with pytest.raises(WeightsError, match="is a link head for 5 and 3 numbers a link, and this version has"):
        track_whole(random_walk(2, 20), offline=OfflineConfig(link_head=str(path)))


def test_one_frame_and_nothing_detected_have_no_links() -> None:
    empty = VideoDetections.of([(0.0, Detections.empty()), (0.1, Detections.empty())])
    assert len(track_whole(empty)) == 0
    recording = Recording.of(empty, track_online(empty, TrackerConfig()))
    assert len(link_pieces(recording, 10.0).pieces) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 4), st.booleans()), max_size=40), st.randoms())
def test_cut_tracks_keep_every_detection_once_and_in_order(rows: list[tuple[int, bool]], random: object) -> None:
    frame = np.arange(len(rows))
    track = np.array([t for t, _ in rows], np.int64)
    doubtful = np.array([d for _, d in rows], bool)
    pieces = cut_tracks(frame, track, doubtful)
    assert sorted(pieces.row.tolist()) == (track >= 0).nonzero()[0].tolist()
    for p in range(len(pieces)):
        row = pieces.row[pieces.start[p] : pieces.start[p + 1]]
        assert (np.diff(row) > 0).all()
        assert len(set(track[row].tolist())) == 1
        assert not doubtful[row[1:]].any()
    assert (np.diff(pieces.first) > 0).all()


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 12))
def test_chains_are_those_of_following_one_piece_after_the_other(order: list[int], links: int) -> None:
    follower = np.full(12, -1)
    for k in range(min(links, 11)):
        if k % 3 != 2:
            a, b = order[k], order[k + 1]
            follower[a] = b
    found = chains(follower)
    for a in range(12):
        if follower[a] >= 0:
            assert found[a] == found[follower[a]]
    assert len(set(found.tolist())) == 12 - int((follower >= 0).sum())


def naive_iou(a: Float64, b: Float64) -> float:
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.maximum(high - low, 0).prod())
    return shared / float((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared)


def test_crowding_is_the_largest_overlap_within_the_frame() -> None:
    video = random_walk(12, 30)
    recording = Recording.of(video, track_online(video, TrackerConfig()))
    boxes = video.xyxy.astype(np.float64)
    for row in range(0, len(video), 17):
        others = [k for k in (video.frame == video.frame[row]).nonzero()[0].tolist() if k != row]
        assert recording.crowding[row] == pytest.approx(max(naive_iou(boxes[row], boxes[k]) for k in others), abs=1e-6)
