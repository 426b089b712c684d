"""Attacks on `adapt`: bad values of its flags, and sources and outputs that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from tests.attack.harness import assert_answered, attack, kept
from tests.support.walking_people import folder
from tools.cli.settings import parse
from tools.train.config.adapt import AdaptConfig

pytest.importorskip("torch", reason="training needs the extra `torch`")

COUNTS = ("0", "-1", "1", "1.5", str(10**30))
SHARES = ("-1", "nan", "inf", "x")
BAD = {
    **dict.fromkeys(("--clips", "--steps", "--batch"), COUNTS),
    **dict.fromkeys(("--minutes", "--rehearsal", "--margin"), SHARES),
    "--seed": ("-1", "nan", str(2**64)),
    "--scenes": ("meadows", ""),
    "--workers": ("-1", "1.5"),
    "--out": ("", "camera.pt", "folder/", ".safetensors"),
}


@pytest.mark.parametrize("flag", BAD)
def test_bad_setting_is_one_sentence(flag: str) -> None:
    for value in BAD[flag]:
        with pytest.raises(ConfigError) as refused:
            parse(AdaptConfig, "liquidtrack adapt", ["yard.mp4", flag, value])
        sentence = str(refused.value)
        assert "\n" not in sentence, value
        assert flag.strip("-") in sentence, (value, sentence)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with truth and no detections, and a file of text."""
    root = tmp_path_factory.mktemp("adaptation")
    folder(root / "truth")
    (root / "file").write_text("mine")
    return root


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["truth"], "holds no <sequence>/det/det.txt"),
        pytest.param(["file"], "not a video", marks=pytest.mark.slow),
        pytest.param(["absent"], "there is no such file", marks=pytest.mark.slow),
        pytest.param([], "name recordings of one camera", marks=pytest.mark.slow),
        (["truth", "--out", "file/camera.safetensors"], "file where a folder is due"),
    ],
)
def test_unusable_source_or_output_is_one_sentence(place: Path, words: list[str], says: str) -> None:
    with kept(place):
        assert_answered(attack(["adapt", *words], cwd=place, torch=True), says=says, memory=10**9)
