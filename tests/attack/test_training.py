"""Attacks on trainings and fits: bad values of every flag, folders and checkpoints that are not what they should be."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ConfigError
from tests.attack.harness import assert_answered, attack, kept
from tests.support.walking_people import folder

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("torchvision", reason="training needs the extra `torch`")

from tests.support.labelled_images import pictures  # noqa: E402
from tests.support.onnx_nets import write_net, yolox_answer  # noqa: E402
from tools.cli.command_words import split  # noqa: E402
from tools.cli.commands import COMMANDS as CLI_COMMANDS  # noqa: E402
from tools.cli.main import load  # noqa: E402
from tools.cli.settings import parse  # noqa: E402
from tools.train.config.detector import TrainDetectorConfig  # noqa: E402
from tools.train.detector_data import gather  # noqa: E402

SMALL = "--rollouts 1 --clips 1 --steps 1 --batch 1 --workers 1 --cell none --units 4 --quiet".split()  # noqa: SIM905
HEAD = ["train", "association", "data", "--out", "new"]
DETECTOR = ["train", "detection", "coco", "--out", "new", "--workers", "0", "--classes", "ball", "box"]
LOCALISER = ["train", "localisation", "coco", "--out", "new"]
VIEWS = ["train", "classification", "views", "pictures", "--out", "new"]
REID = ["train", "reid", "people", "--out", "new/m.safetensors"]
MOTION = ["fit", "motion", "data"]
RETURNS = ["fit", "reid", "people"]
SERIES = ["bench", "cells", "xor", "--out", "new"]
GRADIENTS = ["bench", "gradients"]
SENTIMENT = ["bench", "sentiment", "texts", "--out", "new"]
COMMANDS = {
    "head": HEAD, "detector": DETECTOR, "localiser": LOCALISER, "views": VIEWS, "reid": REID, "motion": MOTION,
    "returns": RETURNS, "series": SERIES, "gradients": GRADIENTS, "sentiment": SENTIMENT,
}  # fmt: skip
NO_COUNT = ("0", "-1", "1.5", str(10**30))
NO_SEED = ("-1", "nan", str(2**64))
NO_RATE = ("0", "-1", "nan", "inf", "1e308", "x")
# command -> flag -> values that it must refuse
BAD: dict[str, dict[str, tuple[str, ...]]] = {
    "head": {
            **dict.fromkeys(("--rollouts", "--clips", "--steps", "--batch", "--workers", "--units"), NO_COUNT),
            **dict.fromkeys(("--query-size", "--hidden", "--motor"), ("0", "-1", "1000000000")),
        "--motor": ("0", "99 --cell cfc"),
            **dict.fromkeys(("--message-size", "--message-rounds"), ("-1", "1000000000")),
            **dict.fromkeys(("--time-unit", "--slowing", "--horizon", "--similarity-weight"), ("nan", "inf", "-1e308")),
            "--grow": ("-1", "nan", "7", "48", str(10**9)),
            "--grow-step": NO_COUNT,
            "--grow-hidden": ("-1", "nan", "7", "56", str(10**9)),
            "--grow-patience": NO_COUNT,
            "--data-seed": NO_SEED,
            "--weights-seed": NO_SEED,
            "--learning-rate": NO_RATE,
            "--init-weights": ("",),
            "--cell": ("ltc", ""),
        },
    "detector": {
            "--epochs": (*NO_RATE, "inf"),
            "--batch": (*NO_COUNT, "1"),
            "--workers": ("-1", "1.5", "nan", str(10**9)),
            "--validation-every": ("-1", "1", "nan"),
            "--sizes": ("0", "100", "-32", "1000000000000", "nan", ""),
            "--input-size": ("0", "-1", "5000", "nan"),
            "--learning-rate": NO_RATE,
            "--seed": NO_SEED,
            "--device": ("tpu", "", "cuda:99", "CPU "),
            "--width": ("0", "-1", "1000000000"),
            "--depth": ("0", "1000000000"),
            "--bins": ("0", "3", "1000000000"),
            "--classes": ("", "ball ball"),
            "--init-weights": ("",),
        },
    "localiser": {
            **dict.fromkeys(("--crops", "--steps", "--batch", "--threads"), NO_COUNT),
            "--sequence-share": ("-0.1", "1.1", "nan", "x"),
            "--learning-rate": NO_RATE,
            "--seed": NO_SEED,
            "--init-weights": ("",),
        },
    "views": {
            **dict.fromkeys(("--repeats", "--crops", "--steps", "--batch", "--units", "--threads"), NO_COUNT),
            "--learning-rate": NO_RATE,
            "--seed": NO_SEED,
            "--images": ("odd", ""),
        },
    "reid": {"--threads": ("-1", "nan"), "--device": ("tpu", ""), "--identities": ("odd", "")},
    "motion": {"--runs": NO_COUNT, "--frames": (*NO_COUNT, "2"), "--seed": NO_SEED},
    "returns": {"--scenes": NO_COUNT, "--seed": NO_SEED, "--threads": ("-1",)},
    "series": {"--units": ("-1", "nan", str(10**30)), "--epochs": ("-1", "nan"),
         "--learning-rate": ("-1", "nan", "inf", "1e308"),
         "--threads": ("0", "-1", str(10**9)), "--seeds": ("-1", "nan", ""), "--drop": ("1", "nan", "-1", "0.5"),
         "--unfolds": ("0", "-1", "nan", str(10**9), ""), "--solvers": ("magic", "fused")},
    "gradients": {"--steps": ("0", "1", "-1", "nan", str(10**30)), "--units": NO_COUNT, "--inputs": NO_COUNT,
         "--seeds": NO_COUNT},
    "sentiment": {"--size": (*NO_COUNT, "99"), "--embedding": NO_COUNT, "--epochs": NO_COUNT,
         "--learning-rates": ("0", "-1", "nan", "inf", "2", ""), "--dropouts": ("1", "-1", "nan", ""),
         "--threads": ("0", "-1", str(10**9)), "--seeds": ("-1", "nan", ""), "--texts": ("poems", ""),
         "--clock": ("sundial", "")},
}  # fmt: skip
# What is not known before the files are read.
AT_RUN = {
    "head": {"--init-weights": ("absent", ".", "data/walk/seqinfo.ini", "/dev/null"),
             "--average-with": ("absent", ".", "/dev/null")},
    "detector": {
        "--classes": ("unicorn",), "--init-weights": ("absent", ".", "/dev/null", "coco/instances.json"),
        "--unlabelled": ("bare",),
    },
    "localiser": {"--init-weights": ("absent", ".", "/dev/null", "coco/instances.json")},
    "returns": {"--metric": ("absent",)},
    "series": {"--cells": ("x", "")},
    "gradients": {"--cells": ("x",)},
    "sentiment": {"--cells": ("x", "")},
}  # fmt: skip


def cases(table: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[tuple[str, str, str]]:
    return [(name, flag, value) for name, flags in table.items() for flag, values in flags.items() for value in values]


def long_form(items: Sequence[Any], short: Container[Any]) -> list[Any]:
    """All of them, of which the short form of the suite takes those in `short`."""
    return [pytest.param(*item, marks=[] if item in short else [pytest.mark.slow]) for item in items]


def words(name: str, flag: str, value: str) -> list[str]:
    """The command `name` with this flag, without what it had for it."""
    own = COMMANDS[name]
    return [*(own[: own.index(flag)] if flag in own else own), flag, *(value.split(" ") if value else [""])]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something small for every training."""
    root = tmp_path_factory.mktemp("training")
    folder(root / "data")
    pictures(root / "coco", 2)
    (root / "pictures").mkdir()
    (root / "pictures" / "labels.tsv").write_text("index\twnid\tname\n0\tn01440764\ttench\n")
    picture = (root / "coco" / "images" / "0.png").read_bytes()
    (root / "pictures" / "n01440764.png").write_bytes(picture)
    for name in ("anna", "bob"):
        (root / "people" / name).mkdir(parents=True)
        for camera in "ab":
            (root / "people" / name / f"{camera}_1.png").write_bytes(picture)
    (root / "file").write_text("mine")
    return root


@pytest.mark.parametrize("name", BAD)
def test_bad_training_setting_is_one_sentence(name: str) -> None:
    """By the parser and the settings alone, which every command asks before all else."""
    first = split(COMMANDS[name])[0]
    kind = load(CLI_COMMANDS[first].config)
    for case in cases({name: BAD[name]}):
        with pytest.raises(ConfigError) as refused:
            parse(kind, "liquidtrack", words(*case)[len(first.split()) :])
        sentence = str(refused.value)
        assert sentence.strip(), case
        assert "\n" not in sentence, case
        assert case[1].strip("-").replace("-", "_") in sentence.replace("-", "_"), (case, sentence)


@pytest.mark.parametrize(
    ("name", "flag", "value"),
    long_form(cases(AT_RUN), [("head", "--init-weights", "/dev/null"), ("detector", "--classes", "unicorn")]),
)
def test_bad_training_file_is_one_sentence(place: Path, name: str, flag: str, value: str) -> None:
    answer = attack(words(name, flag, value), cwd=place, torch=True)
    assert_answered(answer)
    assert not list((place / "new").glob("*.safetensors"))


NO_DATA = {
    "absent": ["train", "association", "absent"],
    "a file": ["train", "association", "file"],
    "empty name": ["train", "association", ""],
    "nothing": ["train", "association"],
    "no sequences": ["train", "association", "coco"],
    "detector absent": ["train", "detection", "absent"],
    "detector file": ["train", "detection", "file"],
    "detector nothing": ["train", "detection"],
    "detector folder": ["train", "detection", "data"],
    "views absent": ["train", "classification", "views", "absent"],
    "views file": ["train", "classification", "views", "file"],
    "views nothing": ["train", "classification"],
    "labels without labels": ["train", "classification", "labels", "data"],
    "labels without detector": ["train", "classification", "labels", "coco", "--detectors"],
    "labels of nobody": ["train", "classification", "labels", "coco", "--detectors", "absent.onnx"],
    "a kind of nothing": ["train", "classification", "sounds", "pictures"],
    "people absent": ["train", "reid", "absent"],
    "people file": ["train", "reid", "file"],
    "people of none": ["train", "reid", "coco"],
    "motion absent": ["fit", "motion", "absent"],
    "motion file": ["fit", "motion", "file"],
    "motion nothing": ["fit", "motion"],
    "returns absent": ["fit", "reid", "absent"],
    "returns of few": ["fit", "reid", "people"],
    "series absent": ["bench", "cells", "occupancy", "--data", "absent"],
}


TOO_LARGE = {  # permitted, each for itself
    "head": "--batch 4096 --clips 1 --workers 1 --hidden 4096 --message-size 0",
    "detector": "--batch 1024 --width 1024 --depth 16",
    "views": "--batch 65536 --crops 1000 --images all",
    "gradients": "--units 1024 --steps 10000",
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_training_that_exceeds_memory_is_refused_at_start(place: Path, name: str) -> None:
    answer = attack([*COMMANDS[name], *TOO_LARGE[name].split()], cwd=place, torch=True)
    assert_answered(answer, says="of memory where there are")
    assert not list((place / "new").glob("checkpoint*"))


SHORT = ("a file", "nothing", "detector folder", "views file", "labels of nobody", "people of none", "motion nothing")


@pytest.mark.parametrize("name", long_form([(name,) for name in NO_DATA], [(name,) for name in SHORT]))
def test_empty_training_data_is_one_sentence(place: Path, name: str) -> None:
    answer = attack(NO_DATA[name], cwd=place, torch=True)
    assert_answered(answer, memory=10**9)


OUTS = {"head": [*HEAD[:3], *SMALL], "detector": DETECTOR[:3] + DETECTOR[5:], "views": VIEWS[:4], "series": SERIES[:3]}


PLACES = ["file", "file/below", "/proc/x", "/dev/null", "x" * 300]


@pytest.mark.parametrize(
    ("name", "out"),
    long_form(
        [(n, o) for n in OUTS for o in PLACES],
        list(zip(OUTS, ("file", "/dev/null", "/proc/x", "file/below"), strict=True)),
    ),
)
def test_invalid_training_output_is_one_sentence(place: Path, name: str, out: str) -> None:
    with kept(place / "file"):
        answer = attack([*OUTS[name], "--out", out], cwd=place, torch=True)
        assert_answered(answer)


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    """A training of a head that is done."""
    answer = attack([*HEAD[:3], *SMALL, "--out", "done"], cwd=place, torch=True)
    assert answer.code == 0, str(answer)
    return place / "done"


OTHERS = [
    ["--data-seed", "1"], ["--weights-seed", "1"],
    ["--steps", "2"], ["--clips", "2"], ["--batch", "2"], ["--rollouts", "2"],
    ["--learning-rate", "0.1"], ["--units", "5"], ["--hidden", "5"], ["--cell", "gru-dt"], ["--no-track-statistics"],
    ["--similarity-weight", "1"],
]  # fmt: skip


@pytest.mark.parametrize(
    "change", long_form([(change,) for change in OTHERS], [(OTHERS[0],), (OTHERS[7],), (OTHERS[9],)])
)
def test_a_finished_training_of_other_settings_is_refused(place: Path, finished: Path, change: list[str]) -> None:
    with kept(finished):
        answer = attack([*HEAD[:3], *SMALL, "--out", "done", *change], cwd=place, torch=True)
        assert_answered(answer, says="done/")


def test_finished_training_is_accepted_only_for_the_same_data(place: Path, finished: Path) -> None:
    truth = place / "data" / "walk" / "gt" / "gt.txt"
    before = truth.read_text()
    truth.write_text(before.replace("40,100", "41,100", 1))
    with kept(finished):
        answer = attack([*HEAD[:3], *SMALL, "--out", "done"], cwd=place, torch=True)
        truth.write_text(before)
        assert_answered(answer, says="checkpoint.pt: is of a training with other data")
        assert attack([*HEAD[:3], *SMALL, "--out", "done"], cwd=place, torch=True).code == 0


def changed(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]


CHECKPOINTS: dict[str, Any] = {
    "empty": lambda whole: b"",
    "text": lambda whole: b"hello",
    "half": lambda whole: whole[: len(whole) // 2],
    "all but a byte": lambda whole: whole[:-1],
    "zeros": lambda whole: bytes(len(whole)),
    "a changed byte": changed,
    "a pickle that runs": lambda whole: b"cposix\nsystem\n(S'touch hacked'\ntR.",
    "a zip of nothing": lambda whole: b"PK\x05\x06" + bytes(18),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name"),
    long_form(
        [(kind, name) for kind in ("head", "detector", "views", "series") for name in CHECKPOINTS],
        [
            ("head", "a changed byte"),
            ("head", "a pickle that runs"),
            ("detector", "half"),
            ("views", "a zip of nothing"),
        ],
    ),
)
def test_a_damaged_checkpoint_is_one_sentence(place: Path, finished: Path, kind: str, name: str) -> None:
    out = place / f"damaged-{kind}"
    inner = out / "xor-mixed-cfc-u64-e24-r0.004-s0" if kind == "series" else out
    inner.mkdir(parents=True, exist_ok=True)
    file = {"views": "checkpoint-views.pt", "series": "state.pt"}.get(kind, "checkpoint.pt")
    (inner / file).write_bytes(CHECKPOINTS[name]((finished / "checkpoint.pt").read_bytes()))
    more = ["--cells", "mixed-cfc"] if kind == "series" else []
    with kept(inner / file):
        answer = attack([*OUTS[kind], "--out", out, *more], cwd=place, torch=True)
        said = assert_answered(answer, says=f"{file}: ")
    assert "remove it" in said
    assert not (place / "hacked").exists()


RESULTS = [b"", b"{", b"[]", b'{"recipe": 3}', b"[" * 100_000, b'{"recipe": {}, "test": null}']


@pytest.mark.parametrize("content", long_form([(content,) for content in RESULTS], [(b"[]",)]), ids=range(len(RESULTS)))
def test_damaged_benchmark_result_is_one_sentence(place: Path, content: bytes) -> None:
    path = place / "results" / "xor-mixed-cfc-u64-e24-r0.004-s0" / "result.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with kept(path):
        answer = attack([*SERIES[:3], "--cells", "mixed-cfc", "--out", "results"], cwd=place, torch=True)
        assert_answered(answer, says="result.json: is damaged")


@pytest.mark.parametrize("name", long_form([("empty",), ("text",), ("half",), ("a changed byte",)], [("half",)]))
def test_damaged_teacher_output_is_one_sentence(place: Path, name: str) -> None:
    root = place / f"teacher of {name}"
    pictures(root / "coco", 2, names=("person", "dog"), complete_for=["dog"])
    ports = {"images": ((1, 3, 96, 128), np.float32)}
    net = write_net(root / "t.onnx", ports, {"output": yolox_answer((128, 96), [])})
    classes = ("person", "dog")
    gather(
        TrainDetectorConfig((root / "coco",), root / "out", classes, teachers=(net,), validation_every=0, quiet=True)
    )
    (file,) = (root / "out").glob("teacher-t-*.npz")
    file.write_bytes(CHECKPOINTS[name](file.read_bytes()))
    with kept(file):
        line = [
            "train",
            "detection",
            "coco",
            "--classes",
            *classes,
            "--teachers",
            net,
            "--out",
            "out",
            "--validation-every",
            "0",
        ]
        answer = attack([*line, "--workers", "0", "--sizes", "64"], cwd=root, torch=True)
        assert_answered(answer, says=file.name, memory=10**9)


def test_weights_are_not_reused_for_reordered_classes(place: Path) -> None:
    small = [
        "--validation-every",
        "0",
        "--batch",
        "2",
        "--sizes",
        "64",
        "--epochs",
        "0.1",
        "--width",
        "8",
        "--bins",
        "4",
        "--quiet",
    ]
    train = ["train", "detection", "coco", "--out", "order", "--workers", "0", *small, "--classes"]
    assert attack([*train, "ball", "box"], cwd=place, torch=True, seconds=120).code == 0
    with kept(place / "order"):
        answer = attack([*train, "box", "ball"], cwd=place, torch=True)
        assert_answered(answer, says="classes was 'ball, box'", memory=10**9)
