"""Flags, TOML files and Python build the same configuration objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import tyro

from models.errors import ConfigError
from tools.cli.settings import parse, settings, to_toml
from tools.track.config.convert import ConvertConfig


@dataclass(frozen=True)
class Inner:
    """Inner.

    Attributes:
        score: a number.
        classes: some words.
    """

    score: float = 0.1
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    """Outer.

    Attributes:
        source: what to read.
        inner: a section.
        video: where to write.
        quiet: say less.
        shade: of the picture.
    """

    source: tyro.conf.Positional[str]
    detection: Inner = field(default_factory=Inner)
    video: Path | None = None
    quiet: bool = False
    shade: Literal["light", "dark"] | None = None


def file(tmp_path: Path, text: str) -> str:
    path = tmp_path / "run.toml"
    path.write_text(text)
    return str(path)


def test_flags_override_the_settings_file(tmp_path: Path) -> None:
    config = file(tmp_path, 'score = 0.5\nclasses = ["car", "bus"]\nquiet = true\nvideo = "a b.mp4"\n')
    got = parse(Outer, "x", ["in.mp4", "--config", config, "--score", "0.7"])
    assert got == Outer("in.mp4", Inner(0.7, ("car", "bus")), Path("a b.mp4"), True)
    assert parse(Outer, "x", [f"--config={config}", "in.mp4", "--no-quiet"]).quiet is False


def test_a_file_may_hold_the_source(tmp_path: Path) -> None:
    config = file(tmp_path, 'source = "street.mp4"\n')
    assert parse(Outer, "x", ["--config", config]).source == "street.mp4"
    assert parse(Outer, "x", ["--config", config, "other.mp4"]).source == "other.mp4"


def test_a_missing_source_is_a_mistake_even_with_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="x needs SOURCE: what to read; see x --help"):
        parse(Outer, "x", ["--config", file(tmp_path, "score = 0.5\n")])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["in.mp4", "--zzz", "7"], "there is no option --zzz; see x --help."),
        (["in.mp4", "--scor", "7"], "there is no option --scor; did you mean --score? See x --help."),
        (["in.mp4", "--score", "high"], "--score is 'high'; give a number; see x --help."),
        (["in.mp4", "--score"], "--score needs a value behind it; see x --help."),
        (["in.mp4", "--shade", "grey"], "--shade is 'grey'; give one of light, dark; see x --help."),
        (["in.mp4", "more"], "more: unrecognized; x takes SOURCE and options; see x --help."),
        (["in.mp4", "-x"], "there is no option -x; see x --help."),
        (["in.mp4", "--quiet=maybe"], "maybe: unrecognized; x takes SOURCE and options; see x --help."),
        ([], "x needs SOURCE: what to read; see x --help."),
    ],
)
@pytest.mark.parametrize("columns", ["30", "200"])
def test_a_wrong_command_line_is_one_sentence(
    words: list[str], said: str, columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    with pytest.raises(ConfigError) as caught:
        parse(Outer, "x", words)
    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path) -> None:
    config = file(tmp_path, 'score = "high"\n')
    with pytest.raises(ConfigError, match=f"{config}: --score is 'high'; give a number"):
        parse(Outer, "x", ["in.mp4", "--config", config])


def test_aliased_settings_are_not_positional(tmp_path: Path) -> None:
    config = ConvertConfig(Path("a.xml"), Path("b.json"), from_format="cvat", skip_bad_rows=True)
    assert [name for name, place in settings(ConvertConfig).items() if place] == ["input", "output"]
    assert parse(ConvertConfig, "x", ["--config", file(tmp_path, to_toml(config))]) == config
    saved = file(tmp_path, 'from_format = "cvat"\n')
    assert parse(ConvertConfig, "x", ["a.xml", "b.json", "--to", "coco", "--config", saved]).from_format == "cvat"


def test_resolved_settings_round_trip(tmp_path: Path) -> None:
    config = Outer('odd "name" ümlaut\\.mp4', Inner(0.1 + 0.2, ("traffic light",)), None, True)
    assert parse(Outer, "x", ["--config", file(tmp_path, to_toml(config))]) == config


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("scor = 1", "perhaps score was meant"),
        ("score = ", "not valid TOML"),
        ("zzz = 1", "the settings are source, score"),
        ("[score]\na = 1", "is a dict"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(Outer, "x", ["in.mp4", "--config", file(tmp_path, text)])


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        parse(Outer, "x", ["in.mp4", "--config", str(tmp_path / "none.toml")])
    with pytest.raises(ConfigError, match="needs the path"):
        parse(Outer, "x", ["in.mp4", "--config"])


def test_two_sections_must_not_share_a_name() -> None:
    @dataclass(frozen=True)
    class Twice:
        score: float = 0.0
        inner: Inner = field(default_factory=Inner)

    Twice.__annotations__ = {"score": float, "inner": Inner}
    with pytest.raises(ConfigError, match="score twice"):
        settings(Twice)
