"""`liquidtrack demo`: track a real clip with components that work offline."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path

from models.errors import SourceError
from models.runtime.cache import atomic, cache_folder, sha256
from tools.cli.messages import say
from tools.track.config.video import DemoConfig, OutputConfig, TrackConfig
from tools.track.video import track_summary
from tracker.detectors.config import DetectorConfig

# People crossing a square, 768x576, 795 frames: sample of OpenCV (BSD), the recording S2.L1 of PETS 2009.
VTEST_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
VTEST_URL = "https://raw.githubusercontent.com/opencv/opencv/4.x/samples/data/vtest.avi"
INSTALLED = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
PACKAGE = "opencv-doc"
SCENE = "scene:7"
PATIENCE_S = 120.0


def demo(config: DemoConfig) -> int:
    """Fetch or render a clip, track it, and print a summary and the paths of the results."""
    clip, origin = _clip(config.clip)
    say(f"clip: {origin}")
    out = config.out
    settings = TrackConfig(
        clip,
        quiet=config.quiet,
        # people in a rendered scene are drawings, unknown to networks trained on photographs
        detection=DetectorConfig("background" if clip == SCENE else "auto"),
        output=OutputConfig(
            show=config.show,
            video=out / "demo.mp4",
            mot=out / "demo.txt",
            jsonl=out / "demo.jsonl",
            overwrite=config.overwrite,
        ),
    )
    summary, _ = track_summary(settings)
    say(f"open {out / 'demo.mp4'} to see the tracks; {out / 'demo.jsonl'} holds them with frame and seconds.")
    return 0 if summary.complete else 1


def _clip(choice: str) -> tuple[str, str]:
    """(source, its origin): the first available one."""
    if choice in ("auto", "vtest"):
        cached = cache_folder() / "vtest.avi"
        ways: tuple[tuple[str, Callable[[Path], None]], ...] = (
            (f"vtest.avi of the installed package {PACKAGE}", _installed),
            (f"vtest.avi of the Debian package {PACKAGE}", _from_debian),
            (f"vtest.avi from {VTEST_URL}", _from_internet),
        )
        if _is_vtest(cached):
            return str(cached), f"vtest.avi, fetched before ({cached})"
        for origin, way in ways:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    got = Path(folder) / "vtest.avi"
                    way(got)
                    if _is_vtest(got):
                        with atomic(cached) as part:
                            shutil.copyfile(got, part)
                        return str(cached), origin
            except (OSError, subprocess.SubprocessError):
                continue
        if choice == "vtest":
            raise SourceError("vtest.avi can be had neither from apt nor from the internet; use --clip scene.")
        return SCENE, "a rendered scene (neither apt nor the internet could give a real one)"
    return SCENE, "a rendered scene"


def _is_vtest(path: Path) -> bool:
    return path.is_file() and sha256(path) == VTEST_SHA256


def _installed(target: Path) -> None:
    shutil.copy(INSTALLED, target)


def _from_debian(target: Path) -> None:
    """Extract the file from the package without installation: needs no privileges, leaves no files behind."""
    folder = target.parent
    state = folder / "state"
    (state / "partial").mkdir(parents=True)
    options = ["-o", f"Dir::State::Lists={state}", "-o", f"Dir::Cache={folder}", "-o", "APT::Sandbox::User="]
    for words in (["update"], ["download", PACKAGE]):
        subprocess.run(
            ["apt-get", "-q", *options, *words], cwd=folder, check=True, capture_output=True, timeout=PATIENCE_S
        )
    package = next(folder.glob("*.deb"))
    subprocess.run(["dpkg", "-x", package, folder / "tree"], check=True, capture_output=True, timeout=PATIENCE_S)
    shutil.copy(folder / "tree" / INSTALLED.relative_to("/"), target)


def _from_internet(target: Path) -> None:
    with urllib.request.urlopen(VTEST_URL, timeout=10) as answer, target.open("wb") as file:
        shutil.copyfileobj(answer, file)
