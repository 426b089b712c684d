"""Attacks by files of weights: every flag that takes one, damaged and malicious, gets one sentence and soon."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from models.association_head.config import HeadConfig
from models.association_head.inference import FORMAT, load_head, save_head
from models.association_head.shapes import head_shapes
from models.class_pool.inference import WEIGHTS as OWN
from models.runtime.weight_files import encode
from tests.attack.harness import assert_answered, attack, kept
from tests.support.moving_box_clip import write_clip
from tracker.learned.liquid_motion import WEIGHTS

Arrays = dict[str, Any]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip, a folder of detections, and a folder of truth; the files of weights come and go."""
    root = tmp_path_factory.mktemp("weights")
    write_clip(root / "clip.mp4", [k / 25 for k in range(3)])
    sequence = root / "mot" / "walk"
    for part, rows in (("det", "{},-1,10,10,40,90,0.9\n"), ("gt", "{},1,10,10,40,90,1,1,1\n")):
        (sequence / part).mkdir(parents=True)
        (sequence / part / f"{part}.txt").write_text("".join(rows.format(k + 1) for k in range(20)))
    (sequence / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=25\nseqLength=20\nimWidth=160\nimHeight=120\n"
    )
    for name in ("anna", "bob"):
        (root / "people" / name).mkdir(parents=True)
        for camera in "ab":
            cv2.imwrite(str(root / "people" / name / f"{camera}_1.png"), np.full((32, 16, 3), 90, np.uint8))
    return root


def head() -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the config of the package's head, as plain data."""
    own = load_head(WEIGHTS)
    return own.weights(), asdict(own.config)


def seal(arrays: Arrays, config: Any, form: str = FORMAT, **about: str) -> bytes:
    """A file with a right checksum, whatever it holds; `config` as text where it is text."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        whole.update(f"{name}{arrays[name].shape}".encode() + arrays[name].tobytes())
    text = config if isinstance(config, str) else json.dumps(config)
    meta = {"format": form, "config": text, "sha256": whole.hexdigest(), **about}
    return encode(arrays, meta)


def without(name: str) -> bytes:
    arrays, config = head()
    return seal({n: v for n, v in arrays.items() if n != name}, config)


def changed(name: str, how: Callable[[Any], Any]) -> bytes:
    arrays, config = head()
    return seal(arrays | {name: np.ascontiguousarray(how(arrays[name]))}, config)


def configured(**changes: Any) -> bytes:
    arrays, config = head()
    return seal(arrays, config | changes)


def flipped(at: float) -> bytes:
    whole = bytearray(WEIGHTS.read_bytes())
    whole[int(at * (len(whole) - 1))] ^= 0x55
    return bytes(whole)


# Bytes that are no safetensors file at all, or one of something else.
ANY: dict[str, bytes] = {
    "empty": b"",
    "text": b"hello",
    "zeros": bytes(4096),
    "long header": (2**63 - 1).to_bytes(8, "little") + b"{}",
    "header of 90 MB promised": (90_000_000).to_bytes(8, "little") + b"{}",
    "header no JSON": (8).to_bytes(8, "little") + b"{{{{{{{{",
    "header nested": (60_000).to_bytes(8, "little") + b"[" * 60_000,
    "no arrays": (2).to_bytes(8, "little") + b"{}",
    "another format": encode({"a": np.zeros(3, np.float32)}, {"format": "other"}),
    "overlapping arrays": b"\x80\0\0\0\0\0\0\0"
    + (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[9999999999],'
        b'"data_offsets":[0,4]}}'
    ).ljust(128)
    + bytes(4),
    "eight-bit floats": b"\x40\0\0\0\0\0\0\0"
    + b'{"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}'.ljust(64)
    + bytes(4),
    "brain floats": b"\x40\0\0\0\0\0\0\0"
    + b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'.ljust(64)
    + bytes(4),
    "escapes in a name": encode({"a\x1b[31m\nb": np.zeros(3, np.float32)}, {"format": "\x1b]0;x\x07\n"}),
    "class pool": (OWN / "recognition-views.safetensors").read_bytes(),
    "half": WEIGHTS.read_bytes()[: WEIGHTS.stat().st_size // 2],
    "all but a byte": WEIGHTS.read_bytes()[:-1],
}
HEADS: dict[str, bytes] = {
    **{f"without {name}": without(name) for name in head()[0]},
    **{
        f"{name} transposed": changed(name, np.transpose)
        for name, v in head()[0].items()
        if v.ndim > 1 and len(v) != v.shape[1]
    },
    **{
        f"{name} {what}": changed(name, how)
        for name in ("first.weight", "flow.bias", "cell.blocks.0.weight", "revise.1.weight")
        for what, how in (
            ("empty", lambda v: v[:0]),
            ("one number", lambda v: v.ravel()[:1]),
            ("in a box", lambda v: v[None]),
            ("twice", lambda v: np.concatenate([v, v])),
            ("no numbers", lambda v: np.full_like(v, np.nan)),
            ("infinite", lambda v: np.full_like(v, np.inf)),
            ("truth values", lambda v: v > 0),
        )
    },
    "an array more": seal(head()[0] | {"more": np.zeros(3, np.float32)}, head()[1]),
    "no array at all": seal({}, head()[1]),
    **{f"flipped at {at}": flipped(at) for at in (0.0001, 0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)},
    **{
        f"{name} is {value!r}"[:60]: configured(**{name: value})
        for name in ("units", "query", "hidden", "code", "rounds")
        for value in (10**9, -1, "48", 1.5, True, float("nan"), 10**400)
    },
    **{
        f"{name} is {value!r}"[:60]: configured(**{name: value})
        for name in ("time_unit", "slowing", "alike", "horizon")
        for value in (float("nan"), float("inf"), -1e308, None)
    },
    **{f"seed {value!r}"[:30]: configured(seed=value) for value in (-1, 1.5, None, [48], 2**64)},
    "units of 0": configured(units=0),
    "time of 0": configured(time_unit=0),
    **{f"cell {value!r}"[:40]: configured(cell=value) for value in ("ltc", "", None, 3, "gru-dt", "mixed-cfc")},
    "track_statistics a word": configured(track_statistics="yes"),
    "a setting more": configured(layers=3),
    **{
        f"config {name}": seal(head()[0], text)
        for name, text in (
            ("no JSON", "{"), ("a list", "[]"), ("a number", "1"), ("nothing", ""), ("null", "null"),
            ("nested", "[" * 100_000), ("nested tables", '{"a":' * 50_000), ("long", "[" + "1," * 300_000 + "1]"),
        )
    },
    "no config": encode(head()[0], {"format": FORMAT, "sha256": "0"}),
    "old format": seal(*head(), form="liquidtrack-head-1"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*ANY, *HEADS])
def test_a_damaged_head_is_one_sentence(place: Path, name: str) -> None:
    path = place / "bad.safetensors"
    path.write_bytes((ANY | HEADS)[name])
    with kept(path, place / "mot"):
        answer = attack(["mot", "mot", "out", "--association-head", path, "--workers", "1", "--quiet"], cwd=place)
    said = assert_answered(answer, says="bad.safetensors: ")
    assert "train" in said or "get the file again" in said
    assert not (place / "out").exists()


FLAGS: dict[str, list[Any]] = {
    "--reid-metric": ["track", "clip.mp4", "--detector", "background", "--reid", "--jsonl", "o.jsonl", "--quiet"],
    "--metric": ["eval", "reid", "people", "--identities", "all", "--quiet"],
    "--init-weights": ["train", "association", "mot", "--out", "new", "--quiet"],
    "--average-with": ["train", "association", "mot", "--out", "new", "--quiet"],
}


@pytest.mark.parametrize(
    ("flag", "name"), [(flag, name) for k, flag in enumerate(FLAGS) for name in list(ANY)[k % 2 :: 2]]
)
def test_missing_weights_are_refused_by_every_flag(place: Path, flag: str, name: str) -> None:
    path = place / "bad.safetensors"
    path.write_bytes(ANY[name])
    with kept(path, place / "mot", place / "people"):
        answer = attack([*FLAGS[flag], flag, path], cwd=place)
    assert_answered(answer, says="bad.safetensors: ", memory=600_000_000)
    assert not (place / "o.jsonl").exists()


def metric(mean: Any, axes: Any) -> bytes:
    return encode({"mean": np.asarray(mean, np.float32), "axes": np.asarray(axes, np.float32)},
                  {"format": "liquidtrack-identity-1", "about": "{}"})  # fmt: skip


METRICS = {
    "of other features": metric(np.zeros(7), np.zeros((7, 3))),
    "transposed": metric(np.zeros(2816), np.zeros((3, 2816))),
    "empty": metric(np.zeros(0), np.zeros((0, 0))),
    "no axes": metric(np.zeros(2816), np.zeros((2816, 0))),
    "a cube": metric(np.zeros(2816), np.zeros((2816, 2, 2))),
    "one number": metric(0, 0),
    "no numbers": metric(np.full(2816, np.nan), np.zeros((2816, 3))),
    "infinite": metric(np.zeros(2816), np.full((2816, 3), np.inf)),
    "half of it": encode({"mean": np.zeros(2816, np.float32)}, {"format": "liquidtrack-identity-1"}),
}


@pytest.mark.parametrize("flag", ["--reid-metric", "--metric"])
@pytest.mark.parametrize("name", METRICS)
def test_a_wrong_metric_is_one_sentence(place: Path, flag: str, name: str) -> None:
    path = place / "bad.safetensors"
    path.write_bytes(METRICS[name])
    assert_answered(attack([*FLAGS[flag], flag, path], cwd=place), says="bad.safetensors: ")


@pytest.mark.parametrize("cell", ["none", "gru-dt"])
def test_head_with_other_feature_counts_is_refused(place: Path, cell: str) -> None:
    config = HeadConfig(cell=cell, units=4, query_size=4, hidden=4, message_size=2)
    weights = {n: np.zeros(s, np.float32) for n, s in head_shapes(config, 5, 9).items()}
    save_head(place / "bad.safetensors", weights, config, {})
    answer = attack(["mot", "mot", "out", "--association-head", "bad.safetensors", "--quiet"], cwd=place)
    assert_answered(answer, says="numbers a match and a pair")
