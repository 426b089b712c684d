"""Paths that are none, or lead to what no command can use: for every command, in every place for a path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.attack.commands import OUT, PathSetting, path_settings, places, unfit
from tests.attack.harness import assert_answered, attack, kept, start
from tools.cli.commands import COMMANDS

SETTINGS = list(path_settings())

# What is refused where it comes in, whatever the setting is for: name -> (path, said).
NO_PATHS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "empty"),
    "blank": ("  ", "empty"),
    "loop": ("loop", "circle"),
    "below a loop": ("loop/x.mp4", "circle"),
    "long name": ("x" * 256, "longer than the system allows"),
    "long path": ("x/" * 3000, "longer than the system allows"),
    "no UTF-8": (b"\xff\xfe.mp4", "no UTF-8"),
    "below a file": ("file.txt/x.mp4", "a file where a folder is due"),
    "stars": ("*" * 10_000, "longer than the system allows"),
}
# What is there, and is not what the command wants; or not there.
UNFIT: dict[str, str] = {
    "here": ".",
    "root": "/",
    "nothing": "/dev/null",
    "endless": "/dev/zero",
    "tilde": "~x.mp4",
    "escapes": "\x1b]0;owned\x07\x1b[31m.mp4",
    "two lines": "a\nb\r.mp4",
    "backwards": "\u202egpj.exe",
    "text": "file.txt",
    "below what is absent": "absent/absent/absent.mp4",
}
EVERY = len(NO_PATHS)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a circle of links and a file of text."""
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    (tmp_path / "file.txt").write_text("a text that is no video, no picture and no table\n" * 20)
    return tmp_path


def refuse(setting: PathSetting, kind: str, here: Path) -> None:
    path, said = NO_PATHS[kind]
    with kept(here):
        answer = attack(setting.words(path), cwd=here, torch=False)
    # The command whose first place was empty says what it needs; anything else says what is wrong with the path.
    assert_answered(answer, says=said)


@pytest.mark.parametrize(
    ("setting", "kind"),
    [(s, kind) for k, s in enumerate(SETTINGS) for i, kind in enumerate(NO_PATHS) if (i - k) % EVERY == 0],
    ids=str,
)
def test_invalid_path_of_a_setting_is_refused(setting: PathSetting, kind: str, here: Path) -> None:
    refuse(setting, kind, here)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NO_PATHS)
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_invalid_path_is_refused_for_every_setting(setting: PathSetting, kind: str, here: Path) -> None:
    refuse(setting, kind, here)


READING = [command for command in COMMANDS if set(places(command)) - {*OUT, "shell"}]


def refuse_unfit(command: str, kind: str, here: Path) -> None:
    with kept(here):
        # An empty label file is reported before the sentence.
        assert_answered(attack(unfit(command, UNFIT[kind]), cwd=here), more_lines=kind == "nothing")


@pytest.mark.parametrize(
    ("command", "kind"),
    [(c, kind) for k, c in enumerate(READING) for i, kind in enumerate(UNFIT) if (i + k) % 3 == 0],
)
def test_unsuitable_input_is_refused_by_the_command(command: str, kind: str, here: Path) -> None:
    refuse_unfit(command, kind, here)


@pytest.mark.slow
@pytest.mark.parametrize("kind", UNFIT)
@pytest.mark.parametrize("command", READING)
def test_every_unsuitable_input_is_refused_by_every_command(command: str, kind: str, here: Path) -> None:
    refuse_unfit(command, kind, here)


OUTPUTS = ["video", "mot", "jsonl", "coco", "cvat", "yolo", "kitti", "labelstudio", "csv", "masks"]


@pytest.mark.parametrize("path", ["/dev/full", "/proc/x", "file.txt/x", "loop"])
@pytest.mark.parametrize("flag", OUTPUTS)
def test_unwritable_output_is_refused(flag: str, path: str, here: Path) -> None:
    words = ["track", "scene:3", "--detector", "background", "--end", "0.2", f"--{flag}", path]
    with kept(here):
        # Of no tracks some formats write nothing, which fits a full device.
        assert_answered(attack(words, cwd=here), code=(0, 2) if path == "/dev/full" else 2)


def test_removed_working_folder_is_reported(tmp_path: Path) -> None:
    for words in (["info", "clip.mp4"], ["track", "scene:3", "--jsonl", "o.jsonl"], ["convert", "a.xml", "b.jsonl"]):
        gone = tmp_path / "gone"
        gone.mkdir()
        run = start(words, cwd=gone, hold=True)
        gone.rmdir()
        run.go()
        assert_answered(run.wait(), says="not there any more")


@pytest.mark.parametrize(
    "pattern", ["/**/*.png", "/**/**/**/x*.jpg", "/proc/**/*.png", "/**/", "[" * 200 + "*", "*?" * 120 + ".png", "**"]
)
def test_glob_examines_a_bounded_number_of_names(pattern: str, here: Path) -> None:
    assert_answered(attack(["track", pattern, "--rate", "5", "--jsonl", "o.jsonl"], cwd=here))


def test_glob_matches_like_the_shell(tmp_path: Path) -> None:
    from models.checks.paths import globbed

    for name in ("a/1.png", "a/b/2.png", "a/b/.3.png", "c/4.png", ".d/5.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a/b/up").symlink_to("..")
    import glob

    for pattern in ("*/*.png", "**/*.png", "a/**", "a/**/*.png", "?/[14].png", "a/b/up/1.png", "none/*", "**/b/*.png"):
        found = {path for path in globbed(str(tmp_path / pattern)) if path.is_file()}
        expected = {Path(path) for path in glob.glob(str(tmp_path / pattern), recursive=True) if os.path.isfile(path)}
        assert found == {path for path in expected if "up" not in path.parts or "up" in pattern}, pattern


@pytest.mark.parametrize("name", ["~x.mp4", "~", "-", "é ü.txt"])
def test_file_with_an_odd_name_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde means the user's folder only where no file is called so."""
    from models.checks.paths import checked

    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("1,1,10,10,20,20,1,-1,-1,-1\n")
    assert checked(name).read_text()
    assert checked("~/x") == Path(os.path.expanduser("~/x"))
