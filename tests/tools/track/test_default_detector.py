"""Records name the detector that `auto` stood for, so that results of another default are not taken for ours."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from datasets.formats.detection_cache import DetectionCache
from datasets.scenes import Scene, write_video
from tools.batch.config import RecordingConfig
from tools.batch.identity import identity_of
from tools.cli.main import main
from tracker.detectors.config import DEFAULT, DetectorConfig

MANIFEST = ".liquidtrack.json"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(Scene(6, width=160, height=120, duration=0.2, people=1), tmp_path / "street.mp4")
    return tmp_path / "street.mp4"


def track(clip: Path, *words: str) -> int:
    return main(["track", str(clip), "--quiet", "--jsonl", str(clip.with_suffix(".jsonl")), *words])


def test_settings_beside_a_result_repeat_its_detector(clip: Path) -> None:
    assert track(clip) == 0
    assert tomllib.loads(clip.with_suffix(".run.toml").read_text())["detector"] == DEFAULT
    assert track(clip, "--detector", DEFAULT) == 0  # the same results


def test_result_of_an_earlier_default_is_kept(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert track(clip) == 0
    assert track(clip, "--detector", "lite0") == 2
    assert f"detector was '{DEFAULT}' and is 'lite0'" in capsys.readouterr().err
    manifest = json.loads((clip.parent / MANIFEST).read_text())
    for run in manifest["runs"].values():
        del run["settings"]["detector"]  # as versions wrote it whose default was lite0
    (clip.parent / MANIFEST).write_text(json.dumps(manifest))
    assert track(clip) == 2
    assert f"detector was the default and is '{DEFAULT}'" in capsys.readouterr().err


def test_cache_names_its_detector(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = clip.with_suffix(".npz")
    assert track(clip, "--whole", "--cache", str(cache)) == 0
    assert DetectionCache(cache).made_with["detector"] == DEFAULT
    assert track(clip, "--whole", "--cache", str(cache), "--detector", "lite0", "--overwrite") == 0
    assert track(clip, "--whole", "--cache", str(cache)) == 2
    assert f"detector was 'lite0' and is '{DEFAULT}'" in capsys.readouterr().err


def test_batch_does_not_mix_detectors() -> None:
    """What decides whether a recording is done holds the default by its name."""
    usual = identity_of(RecordingConfig())
    assert usual.settings == {"detector": DEFAULT}
    assert usual == identity_of(RecordingConfig(detection=DetectorConfig(DEFAULT)))
    assert usual.digest() != identity_of(RecordingConfig(detection=DetectorConfig("lite0"))).digest()
