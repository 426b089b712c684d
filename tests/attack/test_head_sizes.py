"""Attacks on pruning and on the comparisons of heads: bad values of every flag, and data that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from tests.attack.harness import assert_answered, attack
from tests.support.walking_people import folder

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from tools.cli.commands import COMMANDS  # noqa: E402
from tools.cli.main import load  # noqa: E402
from tools.cli.settings import parse  # noqa: E402

NO_COUNT = ("0", "-1", "1.5", str(10**30))
NO_SEED = ("-1", "nan", str(2**64))
NO_RATE = ("0", "-1", "nan", "inf", "1e308", "x")
WORDS = {
    "prune": ["absent", "data"],
    "bench sizes": ["data"],
    "bench labels": ["data"],
    "bench adapt": ["data"],
}
# command -> flag -> values that it must refuse
BAD: dict[str, dict[str, tuple[str, ...]]] = {
    "prune": {
        **dict.fromkeys(("--keep", "--keep-hidden", "--keep-synapses"), ("0", "-1", "1.1", "nan", "x")),
        **dict.fromkeys(("--clips", "--batch", "--workers"), NO_COUNT),
        "--steps": ("-1", "nan", str(10**30)),
        "--criterion": ("odd", ""),
        "--data-seed": NO_SEED,
        "--learning-rate": NO_RATE,
        "--out": ("", "new/p.pt", ".safetensors"),
    },
    "bench sizes": {
        **dict.fromkeys(("--clips", "--steps", "--batch", "--workers"), NO_COUNT),
        "--kinds": ("odd", ""), "--numbers": ("0", "499", "-1", "nan", str(10**30)),
        "--seeds": ("-1", "nan", ""), "--learning-rate": NO_RATE, "--data-seed": NO_SEED,
    },
    "bench labels": {
        **dict.fromkeys(("--clips", "--steps", "--batch", "--workers"), NO_COUNT),
        "--memories": ("odd", ""), "--sequences": ("-1", "nan"), "--seeds": ("-1", "nan", ""),
        "--learning-rate": NO_RATE,
    },
    "bench adapt": {
        **dict.fromkeys(("--clips", "--steps"), (*NO_COUNT, "1")), "--workers": ("-1", "1.5"), "--seed": NO_SEED,
        **dict.fromkeys(("--minutes", "--rehearsal"), ("-1", "nan", "inf", "x")), "--scenes": ("meadows", ""),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_setting_of_a_resized_head_is_one_sentence(name: str) -> None:
    for flag, value in ((flag, value) for flag, values in BAD[name].items() for value in values):
        with pytest.raises(ConfigError) as refused:
            parse(load(COMMANDS[name].config), "liquidtrack", [*WORDS[name], flag, value])
        sentence = str(refused.value)
        assert sentence.strip(), (flag, value)
        assert "\n" not in sentence, (flag, value)
        assert flag.strip("-").replace("-", "_") in sentence.replace("-", "_"), (flag, value, sentence)


NO_DATA = {
    "a head absent": ["prune", "absent"],
    "a head of nothing": ["prune", "file", "data"],
    "no head": ["prune"],
    "sizes of nothing": ["bench", "sizes", "empty"],
    "sizes of one sequence": ["bench", "sizes", "data"],
    "sizes without detections to test on": ["bench", "sizes", "data", "--test", "data"],
    "labels of none": ["bench", "labels"],
    "labels of a file": ["bench", "labels", "file"],
    "cameras of none": ["bench", "adapt"],
    "cameras without detections": ["bench", "adapt", "data"],
}


@pytest.mark.parametrize("name", NO_DATA)
def test_data_that_resize_no_head_are_one_sentence(name: str, tmp_path: Path) -> None:
    folder(tmp_path / "data")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    assert_answered(attack([*NO_DATA[name], "--out", "new/p.safetensors"], cwd=tmp_path, torch=True))
    assert not list(tmp_path.glob("new/**/*.safetensors*/*"))
