"""Images: order, times, pixel formats; MOTChallenge folders; times files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_times import read_frame_times
from datasets.sources.images import natural, read_image
from models.errors import ConfigError, DataError, SourceError
from tests.support.striped_files import folder_of
from tests.support.striped_video import number_of, stripes

RATE = SourceConfig(rate=10.0)


def read(spec: str | Path, config: SourceConfig | None = None) -> list[tuple[int, float, int]]:
    with open_source(str(spec), config or SourceConfig()) as source:
        return [(frame.index, frame.time, number_of(frame.bgr)) for frame in source]


def test_folder_is_read_in_natural_order(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "shots", ["a1.png", "a2.jpg", "a10.bmp", "a100.PNG", "b.tiff", "b1.webp"])
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    assert read(folder, RATE) == [(k, pytest.approx(k / 10), k) for k in range(6)]
    with open_source(str(folder), RATE) as source:
        assert (source.info.name, source.info.frames, source.info.rate) == ("shots", 6, 10.0)
        assert source.info.duration == pytest.approx(0.5)


def test_natural_order_is_total() -> None:
    names = ["2.png", "02.png", "10.png", "a.png", "a1b2.png", "a1b10.png", "A.png", "1.png"]
    order = sorted((Path(name) for name in names), key=natural)
    assert order == sorted((Path(name) for name in reversed(names)), key=natural)
    assert [p.name for p in order if p.name[0].isdigit()] == ["1.png", "2.png", "02.png", "10.png"]
    assert order.index(Path("a1b2.png")) < order.index(Path("a1b10.png"))


def test_glob_and_single_image_are_read(tmp_path: Path) -> None:
    folder_of(tmp_path / "x", ["f1.png", "f2.png", "f10.png", "g.png"])
    assert [row[2] for row in read(tmp_path / "x" / "f*.png", RATE)] == [0, 1, 2]
    assert [row[2] for row in read(f"{tmp_path}/**/f?.png", RATE)] == [0, 1]
    assert read(tmp_path / "x" / "g.png") == [(0, 0.0, 3)]
    with pytest.raises(SourceError, match="no file of this name is a picture"):
        open_source(f"{tmp_path}/x/*.gif", RATE)


def test_start_end_and_every_select_frames(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, [f"{k}.png" for k in range(20)])
    seen = read(folder, SourceConfig(rate=10, start=0.35, end=1.5, every=3))
    assert [row[0] for row in seen] == [6, 9, 12]
    with open_source(str(folder), SourceConfig(rate=10, start=0.35, end=1.5, every=3)) as source:
        assert source.info.frames == 3


def test_images_need_times_or_a_rate(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["1.png", "2.png"])
    with pytest.raises(ConfigError, match="pictures carry no times; state their rate"):
        open_source(str(folder))


def test_times_are_read_from_a_file(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", ["1.png", "2.png", "3.png"])
    times = tmp_path / "t.txt"
    times.write_text("5.5\n\n5.6\n7\n")
    assert [row[1] for row in read(folder, SourceConfig(times=times))] == pytest.approx([0, 0.1, 1.5])
    (folder / "times.csv").write_text("frame,source_frame,time\n1,1,0.000000\n2,4,0.3\n3,9,0.8\n")
    assert [row[1] for row in read(folder)] == pytest.approx([0, 0.3, 0.8])
    assert [row[1] for row in read(folder, RATE)] == pytest.approx([0, 0.1, 0.2])
    times.write_text("0\n1\n")
    with pytest.raises(DataError, match="2 times for the 3 pictures"):
        open_source(str(folder), SourceConfig(times=times))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frame,time\n1,0\n2,nan\n", "line 3: the time is 'nan'; give finite seconds"),
        ("frame,time\n1,0\n2,inf\n", "line 3: the time is 'inf'"),
        ("frame,time\n1,0\n2,soon\n", "line 3: the time is 'soon'"),
        ("0\n1\n1\n", r"line 3: the time 1\.0 does not come after 1\.0"),
        ("0\n1\n\n0.5\n", r"line 4: the time 0\.5 does not come after 1\.0"),
        ("frame,when\n1,0\n", "needs one column named 'time'"),
        ("time,time\n1,0\n", "needs one column named 'time'"),
        ("frame,time\n1,0\n3,1\n", "line 3: the frame is '3' where 2 is due"),
        ("frame,time\n1,0\n2\n", "line 3: 1 columns where 2 are expected"),
        ("0,1\n", "line 1: 2 columns where 1 are expected"),
        ("frame,time\n", "no time below the header"),
        ("", "no time in it"),
        ("\n \n", "no time in it"),
    ],
)
def test_invalid_times_files_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "times.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        read_frame_times(path)


def test_binary_times_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_frame_times(tmp_path / "times.csv")
    (tmp_path / "times.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(DataError, match="not a text"):
        read_frame_times(tmp_path / "times.csv")


@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from(["0", "1", "-1", "1e999", "time", ",", "\n", "nan"])).map("".join),
    )
)
def test_any_text_is_parsed_as_times_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "times.csv"
    path.write_text(text, encoding="utf-8", newline="")
    try:
        times = read_frame_times(path)
    except DataError:
        return
    assert times.dtype == np.float64
    assert len(times)
    assert np.isfinite(times).all()
    assert (np.diff(times) > 0).all()


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=20, unique=True).map(sorted))
def test_times_files_round_trip(tmp_path_factory: pytest.TempPathFactory, times: list[float]) -> None:
    path = tmp_path_factory.mktemp("t") / "times.csv"
    path.write_text("\ufefftime , frame\r\n" + "".join(f"{t!r},{k + 1}\r\n" for k, t in enumerate(times)), newline="")
    assert read_frame_times(path).tolist() == times


def test_grey_alpha_palette_and_16_bit_images_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (10, 12, 3), dtype=np.uint8)
    deep = rng.integers(0, 65536, (10, 12, 3), dtype=np.uint16)
    alpha = rng.integers(0, 256, (10, 12, 1), dtype=np.uint8)
    kinds = {
        "grey.png": (colour[..., 0], np.repeat(colour[..., :1], 3, axis=2)),
        "alpha.png": (np.concatenate([colour, alpha], axis=2), colour),
        "deep.png": (deep, deep >> 8),
        "deep_grey.png": (deep[..., 0], np.repeat(deep[..., :1] >> 8, 3, axis=2)),
        "deep.tiff": (deep, deep >> 8),
        "colour.bmp": (colour, colour),
    }
    for name, (stored, expected) in kinds.items():
        cv2.imwrite(str(tmp_path / name), stored)
        seen = read_image(tmp_path / name)
        assert seen.dtype == np.uint8, name
        assert np.abs(seen.astype(int) - expected).max() <= 1, name


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24] = 255
    data = cv2.imencode(".jpg", picture)[1].tobytes()
    tiff = b"II*\0\x08\0\0\0" + b"\x01\0" + b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + b"\0\0\0\0"  # 6: turn clockwise
    exif = b"Exif\0\0" + tiff
    (tmp_path / "turned.jpg").write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])
    seen = read_image(tmp_path / "turned.jpg")
    assert seen.shape == (48, 32, 3)
    assert seen[:20].mean() > 200
    assert seen[28:].mean() < 50


def test_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no pictures in this folder"):
        open_source(str(tmp_path), RATE)


def test_size_change_is_reported(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ["1.png", "2.png", "4.png"])
    cv2.imwrite(str(folder / "3.png"), stripes(2, (128, 96)))
    seen: list[int] = []
    with (
        pytest.raises(SourceError, match=r"3\.png is 128x96 where the first frame is 64x48"),
        open_source(str(folder), RATE) as s,
    ):
        seen.extend(frame.index for frame in s)
    assert seen == [0, 1]
    assert [row[2] for row in read(folder, SourceConfig(rate=10, resize=True))] == [0, 1, 2, 2]


def test_broken_images_name_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("cut.jpg", "cut.png"):
        cv2.imwrite(str(tmp_path / name), noise)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "text.png").write_text("no picture at all")
    (tmp_path / "empty.png").touch()
    cv2.imwrite(str(tmp_path / "float.tiff"), rng.random((8, 8), np.float32))
    capfd.readouterr()
    for name, words in {
        "cut.jpg": "cut off",
        "cut.png": "not a picture",
        "text.png": "not a picture",
        "empty.png": "is empty",
        "float.tiff": "not a picture",
    }.items():
        with pytest.raises(SourceError, match=rf"{name}: .*{words}"):
            open_source(str(tmp_path / name))
    assert capfd.readouterr() == ("", "")


def test_truncated_jpeg_with_a_thumbnail_is_reported(tmp_path: Path) -> None:
    thumbnail = cv2.imencode(".jpg", stripes(1))[1].tobytes()
    data = cv2.imencode(".jpg", stripes(2))[1].tobytes()
    inside = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:2] + inside + data[2:] + b"trailing")
    assert number_of(read_image(path)) == 2
    path.write_bytes(data[:2] + inside + data[2:-300])
    with pytest.raises(SourceError, match="cut off"):
        read_image(path)


def sequence(
    folder: Path, names: list[str], ini: str = "[Sequence]\nname=x\nimDir=img1\nframeRate=20\nimExt=.png\n"
) -> Path:
    folder_of(folder / "img1", names)
    (folder / "seqinfo.ini").write_text(ini)
    return folder


def test_motchallenge_folder_uses_its_rate_or_times(tmp_path: Path) -> None:
    folder = sequence(tmp_path / "PARK-01", ["000001.png", "000002.png", "000003.png"])
    assert read(folder) == [(k, pytest.approx(k / 20), k) for k in range(3)]
    assert [row[1] for row in read(folder, RATE)] == pytest.approx([0, 0.1, 0.2])
    (folder / "times.csv").write_text("frame,source_frame,time\n1,1,0.0\n2,4,0.15\n3,40,1.95\n")
    assert [row[1] for row in read(folder)] == pytest.approx([0, 0.15, 1.95])
    with open_source(str(folder)) as source:
        assert (source.info.name, source.info.frames) == ("PARK-01", 3)
    (folder / "times.csv").write_text("frame,source_frame,time\n1,1,0.0\n2,4,0.15\n")
    with pytest.raises(DataError, match=r"2 times, but 000003\.png is picture 3"):
        open_source(str(folder))


def test_motchallenge_frame_numbers_survive_missing_images(tmp_path: Path) -> None:
    folder = sequence(tmp_path, ["000001.png", "000002.png", "000007.png"])
    assert read(folder) == [(0, 0.0, 0), (1, pytest.approx(0.05), 1), (6, pytest.approx(0.3), 2)]


@pytest.mark.parametrize(
    ("ini", "error", "words"),
    [
        ("[Sequence]\nframeRate=fast\n", DataError, "frameRate is 'fast'"),
        ("[Sequence]\nname=x\n", DataError, "frameRate is None"),
        ("[Sequence]\nframeRate=0\n", DataError, "frameRate is '0'"),
        ("[Sequence]\nframeRate=nan\n", DataError, "frameRate is 'nan'"),
        ("hello\n", DataError, r"\[Sequence\] section"),
        ("[Other]\n", DataError, r"\[Sequence\] section"),
        ("[Sequence]\nframeRate=20\nimDir=elsewhere\n", SourceError, "elsewhere/ is missing"),
    ],
)
def test_invalid_motchallenge_folders_are_refused(tmp_path: Path, ini: str, error: type[Exception], words: str) -> None:
    folder = sequence(tmp_path, ["000001.png", "000002.png"], ini)
    with pytest.raises(error, match=words):
        open_source(str(folder))


def test_real_motchallenge_folder_is_read(shared: Path) -> None:
    with open_source(str(shared / "data/mot_video/TUD-Campus"), SourceConfig(every=10)) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(0, 71, 10))
    assert frames[-1].time == pytest.approx(70 / 25)
    assert frames[0].size == (source.info.width, source.info.height) == (640, 480)
