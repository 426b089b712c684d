"""Frames by position are the frames of reading in order, whatever the order in which they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_access import FrameReader
from datasets.sources.frame_cursors import VideoCursor
from datasets.sources.frame_list import FrameList, list_frames
from datasets.sources.recorded import Recorded
from models.errors import ConfigError, DataError, LiquidTrackError, SourceError
from tests.support.striped_files import B_FRAMES, KINDS, folder_of
from tests.support.striped_video import UNEVEN_MS, encode, number_of, stripes
from tracker.types import Frame

LONG_MS = [int(at) for at in np.cumsum(np.random.default_rng(5).integers(3, 90, 150))]


def opener(path: Path | str, config: SourceConfig | None = None) -> Callable[[], Recorded]:
    source = partial(open_source, path, config or SourceConfig())
    return source  # type: ignore[return-value]


def sequential(path: Path | str, config: SourceConfig | None = None) -> list[Frame]:
    """The frames of reading in order, until an error."""
    frames = []
    with opener(path, config)() as source:
        try:
            frames += list(source)
        except LiquidTrackError:
            frames = []
            with opener(path, config)() as again:
                try:
                    for frame in again:
                        frames.append(frame)
                except LiquidTrackError:
                    pass
    return frames


@contextmanager
def reader(path: Path | str, config: SourceConfig | None = None, **options: int) -> Iterator[FrameReader]:
    config = config or SourceConfig()
    whole = opener(path, SourceConfig(rate=config.rate, times=config.times, resize=config.resize))
    with FrameReader(whole, list_frames(whole, config), **options) as frames:
        yield frames


def same(one: Frame, other: Frame) -> bool:
    return (one.index, one.time) == (other.index, other.time) and np.array_equal(one.bgr, other.bgr)


def orders(count: int) -> dict[str, list[int]]:
    shuffled = np.random.default_rng(3).permutation(count).tolist()
    back_and_forth = [k for at in range(1, count) for k in (at, at - 1)]
    return {
        "forwards": list(range(count)),
        "backwards": list(range(count))[::-1],
        "anywhere": shuffled,
        "to and fro": back_and_forth,
    }


def check(path: Path | str, config: SourceConfig | None = None, **options: int) -> None:
    """All orders of asking give what reading in order gives, also in little memory and without decoding ahead."""
    truth = sequential(path, config)
    assert truth
    for order in orders(len(truth)).values():
        with reader(path, config, **options) as frames:
            assert frames.numbers.tolist() == [frame.index for frame in truth]
            assert frames.times.tolist() == [frame.time for frame in truth]
            for position in order:
                assert same(frames.get(position), truth[position]), position


MORE = {
    **KINDS,
    "long_gop.mp4": ("libx264", {"bf": "3", "g": "250", "b-pyramid": "normal"}),
    "intra_refresh.mkv": ("libx264", {"g": "12", "bf": "0", "x264-params": "intra-refresh=1:keyint=12"}),
    "single.mp4": ("libx264", {"g": "1"}),
    "mpeg2.ts": ("mpeg2video", {"bf": "2", "g": "9"}),
    "open_mpeg2.mkv": ("mpeg2video", {"bf": "2", "g": "9", "flags": "-cgop"}),
}


@pytest.mark.parametrize("name", MORE)
@pytest.mark.parametrize("memory", [1 << 28, 20 * 64 * 48])
def test_any_order_gives_the_frames_of_reading_in_order(tmp_path: Path, name: str, memory: int) -> None:
    codec, options = MORE[name]
    pts = [at // 40 * 40 for at in LONG_MS] if codec == "mpeg2video" else LONG_MS
    pts = list(range(0, 40 * len(pts), 40)) if codec == "mpeg2video" else pts
    base = Fraction(1, 25) if codec == "mpeg2video" else Fraction(1, 1000)
    pts = [at // 40 for at in pts] if codec == "mpeg2video" else pts
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = encode(tmp_path / name, pts, codec, base, options=options, pix_fmt=pix_fmt)
    check(path, kept_bytes=memory)


def test_images_say_the_number_that_was_asked_for(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    with reader(path) as frames:
        for position in orders(len(LONG_MS))["anywhere"]:
            frame = frames.get(position)
            assert number_of(frame.bgr) == frame.index == position
            assert frame.time == pytest.approx((LONG_MS[position] - LONG_MS[0]) / 1000)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotated_phone_video(tmp_path: Path, degrees: int) -> None:
    path = encode(tmp_path / "phone.mp4", UNEVEN_MS, options=B_FRAMES, rotation=(degrees, False))
    check(path)


def test_part_with_every_second_frame(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    check(path, SourceConfig(start=0.5, end=3.0, every=2))
    with pytest.raises(ConfigError, match="no frame is left from the start at 99 s"), reader(path, SourceConfig(99.0)):
        pass


@pytest.mark.parametrize("kind", ["rate", "times"])
def test_given_times(tmp_path: Path, kind: str) -> None:
    path = encode(tmp_path / "a.mp4", UNEVEN_MS, options=B_FRAMES)
    times = tmp_path / "times.txt"
    times.write_text("\n".join(str(k * k) for k in range(20)))
    check(path, SourceConfig(rate=10.0) if kind == "rate" else SourceConfig(times=times))
    times.write_text("\n".join(str(k * k) for k in range(19)))
    with pytest.raises(DataError, match="19 times are given, but it has 20 frames"):
        list_frames(opener(path, SourceConfig(times=times)), SourceConfig())


def test_raw_stream_and_avi_are_decoded_from_their_start(tmp_path: Path) -> None:
    raw = encode(tmp_path / "raw.h264", range(40), "libx264", Fraction(1, 25), B_FRAMES)
    check(raw, SourceConfig(rate=25))
    avi = encode(tmp_path / "a.avi", range(40), "libx264", Fraction(1, 25), B_FRAMES)
    check(avi)
    check(avi, kept_bytes=6 * 64 * 48)


def test_repeated_times_end_the_list_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "again.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        packets = []
        for k in range(6):
            frame = av.VideoFrame.from_ndarray(stripes(k), format="bgr24")
            frame.pts, frame.time_base = 40 * k, Fraction(1, 1000)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for packet, at in zip(packets, [0, 40, 80, 80, 120, 160], strict=True):
            packet.pts = packet.dts = at
            packet.time_base = Fraction(1, 1000)
            out.mux(packet)
    check(path)
    with reader(path) as frames:
        assert len(frames) == 3
    assert "frame 3: its time" in str(list_frames(opener(path), SourceConfig()).problem)
    check(path, SourceConfig(rate=25))


@pytest.mark.parametrize("name", ["front.mp4", "cut.mkv", "cut.avi"])
def test_truncated_file_gives_its_good_frames(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(1)
    noisy = [np.clip(stripes(k).astype(int) + rng.integers(-25, 26, (48, 64, 3)), 0, 255) for k in range(40)]
    options = {"movflags": "faststart"} if name.endswith("mp4") else None
    path = encode(
        tmp_path / name, range(40), "libx264", Fraction(1, 25), {"g": "10", "bf": "2"},
        [picture.astype(np.uint8) for picture in noisy], container_options=options,
    )  # fmt: skip
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    check(path)
    assert "breaks off after" in str(list_frames(opener(path), SourceConfig()).problem)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_damage_in_the_middle_loses_its_frames_alone(tmp_path: Path, name: str) -> None:
    codec, options = ("ffv1", {"g": "1"}) if name == "a.mkv" else ("libx264", {"g": "5", "sc_threshold": "0"})
    path = encode(tmp_path / name, range(60), codec, Fraction(1, 25), {**options, "bf": "0"})
    with av.open(str(path)) as container:
        packet = [bytes(packet) for packet in container.demux(video=0) if packet.size][42]
    path.write_bytes(path.read_bytes().replace(packet, b"\xff" * len(packet)))
    truth = {frame.index: frame for frame in sequential(path)}
    assert 42 not in truth
    with reader(path) as frames:
        for position in orders(60)["anywhere"]:
            if position in truth:
                assert same(frames.get(position), truth[position]), position
            else:
                with pytest.raises(SourceError, match=f"frame {position} is damaged"):
                    frames.get(position)
    # the list of a run of the tracker has no lost frames
    listed = FrameList(np.array(sorted(truth)), np.array([truth[k].time for k in sorted(truth)]))
    with FrameReader(opener(path), listed) as frames:
        for position in orders(len(truth))["backwards"]:
            assert same(frames.get(position), truth[sorted(truth)[position]])


def test_damaged_image_in_a_folder_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", [f"{k}.png" for k in range(12)])
    (folder / "5.png").write_bytes(b"nothing")
    cv2.imwrite(str(folder / "7.png"), stripes(7, (32, 48)))
    with reader(folder, SourceConfig(rate=10)) as frames:
        for position in (0, 11, 6, 4, 8):
            assert number_of(frames.get(position).bgr) == position
        with pytest.raises(SourceError, match=r"5\.png: not a picture"):
            frames.get(5)
        with pytest.raises(SourceError, match=r"7\.png is 32x48"):
            frames.get(7)


def test_folders_globs_and_motchallenge_sequences(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "images", [f"frame_{k}.png" for k in range(20)])
    check(folder, SourceConfig(rate=10, every=3))
    check(str(folder / "*.png"), SourceConfig(rate=10))
    sequence = tmp_path / "MOT"
    folder_of(sequence / "img1", [f"{k:06d}.jpg" for k in range(5, 25)])
    (sequence / "seqinfo.ini").write_text("[Sequence]\nname=MOT\nimDir=img1\nframeRate=10\nseqLength=25\n")
    check(sequence)
    with reader(sequence) as frames:
        assert frames.get(0).index == 4


def test_scene_is_rendered_by_number() -> None:
    check("scene:3?people=1&duration=0.3&width=160&height=96", kept_bytes=8 * 160 * 96)


def test_list_survives_being_stored(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    frames = list_frames(opener(path), SourceConfig(every=2))
    again = FrameList.from_bytes(frames.to_bytes())
    assert again.table is not None
    assert frames.table is not None
    for one, other in ((frames, again), (frames.table, again.table)):
        for name in ("numbers", "times", "pts", "keys"):
            if hasattr(one, name):
                assert np.array_equal(getattr(one, name), getattr(other, name))
    assert again.table.time_base == frames.table.time_base
    with pytest.raises(DataError, match="damaged"):
        FrameList.from_bytes(frames.to_bytes()[:-9])


def test_memory_stays_within_its_bound(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options={"g": "250", "bf": "3"})
    most = 12 * 64 * 48 * 2
    with reader(path, kept_bytes=most) as frames:
        for position in orders(len(LONG_MS))["backwards"]:
            frames.get(position)
            assert frames.held_bytes <= most


def test_many_threads_get_their_own_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    wanted = np.random.default_rng(9).integers(0, len(LONG_MS), 400).tolist()
    with reader(path, kept_bytes=40 * 64 * 48) as frames, ThreadPoolExecutor(8) as pool:
        assert [number_of(frame.bgr) for frame in pool.map(frames.get, wanted)] == wanted


def test_backwards_steps_are_decoded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options={"g": "30", "bf": "2", "sc_threshold": "0"})
    places: list[int] = []
    plain = VideoCursor.seek

    def seek(self: VideoCursor, number: int, keep: int) -> None:
        places.append(number)
        plain(self, number, keep)

    monkeypatch.setattr(VideoCursor, "seek", seek)
    with reader(path) as frames:
        for position in (100, 99):
            frames.get(position)
        wanted = range(60, 101)  # a stretch is decoded forwards: its first frame is held before its last
        for _ in range(3000):
            if all(frames.holds(position) for position in wanted):
                break
            threading.Event().wait(0.01)
        assert all(frames.holds(position) for position in wanted)
        before = len(places)
        frames.get(98)
        assert len(places) - before <= 1


def test_requests_given_up_are_not_decoded_and_closing_ends_waiting_ones(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    frames = FrameReader(opener(path), list_frames(opener(path), SourceConfig()))
    waiting = [frames.submit(position) for position in range(len(LONG_MS))]
    given_up = [future for future in waiting[:100] if future.cancel()]
    frames.close()
    assert all(future.done() for future in waiting)
    assert all(future.cancelled() for future in given_up)
    with pytest.raises(SourceError, match="is closed"):
        frames.submit(3)
    with reader(path) as frames, pytest.raises(IndexError):
        frames.get(len(LONG_MS))


def test_pipe_and_replaced_file_are_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options=B_FRAMES)
    with reader(path) as frames:
        number_of(frames.get(140).bgr)
        path.unlink()  # an open file goes on to be read
        assert number_of(frames.get(3).bgr) == 3


def test_key_frame_before_a_position(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", LONG_MS, options={"g": "30", "keyint_min": "30", "sc_threshold": "0"})
    with reader(path) as frames:
        assert [frames.start_of(k) for k in (0, 29, 30, 31, 149)] == [0, 0, 30, 30, 120]
    with reader(path, SourceConfig(every=7)) as frames:
        assert [int(frames.numbers[frames.start_of(k)]) for k in range(6)] == [0, 0, 0, 0, 0, 35]
