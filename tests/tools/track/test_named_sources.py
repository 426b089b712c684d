"""Names of several live sources, and where the outputs of each go."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ConfigError
from tools.cli.settings import parse
from tools.track.camera_outputs import FILES, FOLDERS, config_of, path_of_source
from tools.track.cameras import check_several
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.named_sources import MOST, named_sources
from tools.track.outputs import outputs


def test_names_come_from_the_sources_without_credentials() -> None:
    typed = ["rtsp://bob:s3cret@10.0.0.7:8554/a?token=xyz", "http://10.0.0.8/cam.mjpg", "0", "yard=/dev/video2"]
    found = named_sources(typed)
    names = ["rtsp://10.0.0.7:8554/a", "http://10.0.0.8/cam.mjpg", "camera 0", "yard"]
    assert [source.name for source in found] == names
    assert [source.file for source in found] == [
        "rtsp___10.0.0.7_8554_a",
        "http___10.0.0.8_cam.mjpg",
        "camera 0",
        "yard",
    ]
    assert [source.spec for source in found] == [*typed[:3], "/dev/video2"]


def test_equal_names_get_numbers() -> None:
    found = named_sources([f"rtsp://nvr/live?channel={k}" for k in (1, 2)] + ["RTSP___nvr_live=0"])
    assert [source.file for source in found] == ["rtsp___nvr_live", "rtsp___nvr_live-2", "RTSP___nvr_live-3"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("0", "0"),
        ("0", "/dev/video0"),
        ("1", "001"),
        ("rtsp://cam/a", "RTSP://CAM:554/a/"),
        ("rtsp://bob:pw@cam/a", "rtsp://cam/a"),
        ("http://localhost:8000/x%20y", "http://127.0.0.1:8000/x y"),
        ("door=rtsp://cam/a", "yard=rtsp://cam/a"),
    ],
)
def test_source_in_two_spellings_is_refused(first: str, second: str) -> None:
    with pytest.raises(ConfigError, match="is given twice") as caught:
        named_sources([first, second])
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        (["0", "street.mp4"], "street.mp4 is no camera and no stream"),
        (["a.mp4", "b.mp4"], "a.mp4 is no camera and no stream"),
        (["0", "scene:1"], "scene:1 is no camera"),
        (["0", "file:///tmp/a.mp4"], "is no camera"),
        (["door=0", "Door=1"], "two sources are called Door"),
        (["0", "rtsp://cam:99999999/a"], "cannot be understood"),
        ([str(k) for k in range(MOST + 1)], f"more than one run can take \\({MOST}\\)"),
    ],
)
def test_impossible_sources_are_one_sentence(specs: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        named_sources(specs)


words = st.text("abAB01.-_", min_size=1, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)  # a busy machine
@given(st.lists(words, min_size=2, max_size=12))
def test_files_of_sources_are_distinct(paths: list[str]) -> None:
    try:
        found = named_sources([f"rtsp://cam/{path}?{k}" for k, path in enumerate(paths)])
    except ConfigError:
        return
    assert len({source.file.lower() for source in found}) == len(found)
    assert not any(re.search(r"[/\\:?*]", source.file) for source in found)


def test_outputs_of_each_source_are_its_own(tmp_path: Path) -> None:
    door, yard = named_sources(["door=0", "yard=1"])
    config = TrackConfig("0", output=OutputConfig(mot=tmp_path, jsonl=tmp_path / "{name}/all.jsonl", masks=Path("m")))
    for source in (door, yard):
        single = config_of(config, source, "NOW")
        assert (single.source, single.more_sources) == (source.spec, ())
        assert outputs(single.output) == {
            "mot": tmp_path / f"{source.name}.txt",
            "jsonl": tmp_path / source.name / "all.jsonl",
            "masks": Path("m") / source.name,
        }


def test_default_outputs_are_named_by_source_and_time() -> None:
    (door, _) = named_sources(["door=0", "1"])
    asked = OutputConfig(out=Path("day"), mot=Path("day"))
    output = config_of(TrackConfig("0", output=asked), door, "NOW").output
    assert output.video == Path("day/door-NOW.tracked.mp4")
    assert output.jsonl == Path("day/door-NOW.jsonl")
    assert output.mot == Path("day/door.txt")
    assert config_of(TrackConfig("0"), door, "NOW").output.jsonl == Path("door-NOW.jsonl")
    assert outputs(config_of(TrackConfig("0", output=OutputConfig(show=True)), door, "NOW").output) == {}


def test_every_output_has_a_place_of_its_own_in_a_folder() -> None:
    paths = [path_of_source(flag, Path("day"), "door") for flag in (*FILES, *FOLDERS)]
    assert len(set(paths)) == len(paths) - 2  # the folders are given separately


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("out.jsonl", r"is one file for several sources; write \{name\}.jsonl"), ("-", "takes one source")],
)
def test_one_file_for_all_is_refused(path: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        path_of_source("jsonl", Path(path), "door")


def test_settings_of_single_sources_are_refused() -> None:
    usual = TrackConfig("0")
    check_several(usual)
    for changed, sentence in (
        (replace(usual, whole=True), "--whole"),
        (replace(usual, schedule=replace(usual.schedule, looks="0.2")), "--looks"),
        (replace(usual, pointing=replace(usual.pointing, select=True)), "--select"),
        (replace(usual, marking=replace(usual.marking, mask_box=("1,1,9,9",))), "--mask"),
        (replace(usual, keep_ids=True), "--keep-ids"),
        (replace(usual, reading=replace(usual.reading, rate=5.0)), "--rate"),
        (replace(usual, output=OutputConfig(cache=Path("c.npz"))), "--cache"),
        (replace(usual, detector_batch=-1), "detector_batch"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            check_several(changed)


@pytest.mark.parametrize(
    ("content", "words", "sources"),
    [
        ("score = 0.3\n", ["street.mp4"], ("street.mp4",)),
        ("score = 0.3\n", ["0", "1"], ("0", "1")),
        ('source = "0"\nmore_sources = ["1", "2"]\n', [], ("0", "1", "2")),
        ('source = "0"\nmore_sources = []\n', [], ("0",)),
        ('source = "0"\nmore_sources = ["1"]\n', ["5", "6"], ("5", "6")),
    ],
)
def test_sources_may_stand_in_a_file_of_settings(
    tmp_path: Path, content: str, words: list[str], sources: tuple[str, ...]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(content)
    config = parse(TrackConfig, "liquidtrack track", [*words, "--config", str(file)])
    assert (config.source, *config.more_sources) == sources
