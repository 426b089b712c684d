"""Any bytes, and valid files with any damage, either parse or end in one of our errors, whatever they are taken for."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datasets.formats import FORMATS, DetectionFile, read, write
from datasets.formats.annotations import Annotations
from datasets.formats.timeline import read_seqinfo, read_times
from models.errors import LiquidTrackError

NAMES = ("person", "a car", "x<&>y")
SAMPLE = Annotations(
    np.array([0, 1, 4]),
    np.array([0.0, 0.04, 0.5]),
    np.array([0, 0, 2]),
    np.array([1, 2, 1]),
    np.array([[1, 2, 30, 40], [5, 6, 20.5, 30], [3, 4, 33, 44]], np.float32),
    np.array([1, 0.5, 0.25], np.float32),
    np.array([0, 1, 2]),
    NAMES,
    np.zeros(3, bool),
    (64, 48),
)
FILES = [name for name in FORMATS if name != "yolo"]
# What makes numbers, brackets and markup go wrong, more often than random bytes would.
SPICE = st.sampled_from(
    [
        *(b"nan -1 0 1e999 -inf 1e15 null true 1.5 1_0 0x1 %zz -2 names: </track> &lt; <!-- --> ]]> <? ?>".split()),
        *(bytes([c]) for c in b",; \t\r\n\0'\"{}[]<>/&#=\xff"),
        *(b"", b"9" * 400, b"\xef\xbb\xbf", b'frame="', b'"frame":', b"\xe2\x80\xa8"),
    ]
)
HEADS = st.sampled_from(
    [
        *(b"", b"{", b"[", b"<", b"<annotations>", b"\x1f\x8b"),
        *(b'{"format": "liquidtrack", "version": 1}\n', b"1,1,1,1,1,1\n"),
    ]
)
ANY = st.builds(
    lambda head, parts: head + b"".join(parts), HEADS, st.lists(st.one_of(SPICE, st.binary(max_size=20)), max_size=12)
)
SOME = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A valid file of each format."""
    folder = tmp_path_factory.mktemp("samples")
    found = {}
    for name in FILES:
        path = folder / name / f"out{FORMATS[name].layout.suffix}"
        write(SAMPLE, path, name)
        found[name] = path.read_bytes()
    write(SAMPLE, folder / "yolo", "yolo")
    for part in ("labels/000001.txt", "data.yaml", "times.csv"):
        found[part] = (folder / "yolo" / part).read_bytes()
    return found


@st.composite
def damage(draw: st.DrawFn, data: bytes) -> bytes:
    """The bytes with some of them cut out, doubled or replaced."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(out)))
        to = min(len(out), at + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(["cut", "end", "spice", "double"]))
        if kind == "cut":
            del out[at:to]
        elif kind == "end":
            del out[at:]
        elif kind == "spice":
            out[at:to] = draw(SPICE)
        else:
            out[at:at] = out[at:to]
    return bytes(out)


def attempt(call: Callable[[], Any]) -> Any:
    """What the call gives, or None where it complains in one line."""
    try:
        return call()
    except LiquidTrackError as error:
        complaint = str(error).strip()
    assert "\n" not in complaint
    return None


def check(path: Path, name: str | None) -> None:
    """Parses or complains in one sentence; what parsed keeps its promises."""
    for skip in (False, True):
        got = attempt(lambda skip=skip: read(path, name, skip_bad_rows=skip))
        if got is None:
            continue
        assert np.isfinite(got.xyxy).all()
        assert (got.xyxy[:, 2:] > got.xyxy[:, :2]).all()
        assert ((got.score >= 0) & (got.score <= 1)).all()
        assert (got.id >= -1).all()
        assert ((got.label >= 0) & (got.label < len(got.names))).all()
        assert got.times is None or np.isfinite(got.times).all()
        keys = list(zip(got.row[got.id >= 0].tolist(), got.id[got.id >= 0].tolist(), strict=True))
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", FILES)
@given(data=ANY)
@example(data=b"")
@example(data=b"\n\n \n")
@example(data=b"[" * 100_000)
@example(data=b'{"a":' * 100_000)
@example(data=b'{"format": "liquidtrack", "version": 1}\n' + b"[" * 100_000)
@example(data=b"<annotations>" * 20_000)
@example(data=b"\xff\xfe1\0,\0")
@example(data=b"\xff\xfe1")
@example(data=gzip.compress(b"1,1,1,1,1,1\n")[:-6])
@example(data=b"\x1f\x8b\x08\0garbage")
@example(data=b"1,1,1,1,1,1," + b"9" * 5000)
@example(data=b'{"images": [{"id": ' + b"9" * 5000 + b"}]}")
@SOME
def test_arbitrary_bytes_are_read_or_refused(name: str, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / f"a{FORMATS[name].layout.suffix}"
    path.write_bytes(data)
    check(path, name)
    check(path, None)


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@SOME
def test_damaged_files_are_read_or_refused(
    name: str, data: st.DataObject, samples: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / f"gt{FORMATS[name].layout.suffix}"
    path.write_bytes(data.draw(damage(samples[name])))
    check(path, name)
    path = path.with_name(f"a{FORMATS[name].layout.suffix}")
    path.write_bytes(data.draw(damage(samples[name])))
    check(path, name)
    detections = attempt(lambda: DetectionFile(path, name))
    for frame in range(6 if detections else 0):
        detections(frame)


@given(data=st.data())
@SOME
def test_damaged_yolo_folders_are_read_or_refused(
    data: st.DataObject, samples: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("yolo")
    (folder / "labels").mkdir()
    for part in ("labels/000001.txt", "data.yaml", "times.csv"):
        content = samples[part]
        (folder / part).write_bytes(data.draw(damage(content)) if data.draw(st.booleans()) else content)
    if data.draw(st.booleans()):
        name = data.draw(st.sampled_from(["cat.txt", "1.txt", "7.txt", "a_000002.txt"]))
        (folder / "labels" / name).write_bytes(data.draw(ANY))
    check(folder, None)


@given(times=ANY, ini=ANY, names=ANY)
@SOME
def test_arbitrary_side_files_are_read_or_refused(
    times: bytes, ini: bytes, names: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("beside")
    (folder / "times.csv").write_bytes(b"frame,time\n" + times)
    (folder / "seqinfo.ini").write_bytes(b"[Sequence]\n" + ini)
    (folder / "a.names").write_bytes(names)
    (folder / "a.txt").write_bytes(b"1,1,1,1,1,1,1,1\n")
    check(folder / "a.txt", None)
    for reader, name in ((read_times, "times.csv"), (read_seqinfo, "seqinfo.ini")):
        for head in (b"", b"[Sequence]\nframeRate=", b"frame,time\n1,"):
            (folder / name).write_bytes(head + times)
            attempt(lambda reader=reader, name=name: reader(folder / name))
