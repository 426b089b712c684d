"""Build the wheel, and let it work: a fresh environment without extras, commands in a foreign folder (`make wheel`).

python docs/scripts/smoke_wheel.py

The wheel is left in dist/. Exit status 1 and a sentence where an entry is missing or too much, or a command fails.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 20_000_000  # bytes
NEEDED = (
    "tracker/py.typed", "models/py.typed", "datasets/py.typed", "tools/py.typed", "models/labels/imagenet.txt",
    "models/weights/head.safetensors", "models/weights/detector.onnx", "models/weights/nanodet.onnx",
    "models/weights/README.md",
    "datasets/formats/jsonl.schema.json",
)  # fmt: skip
FOREIGN = re.compile(r"(tests|docs|shared)/|models/weights/(control-|detector\.safetensors)")
DETECTIONS = "1,-1,10,10,40,80,0.9\n2,-1,12,10,40,80,0.9\n3,-1,14,10,40,80,0.9\n"


def build(folder: Path) -> Path:
    """The wheel; what an earlier build left is removed first, since it would be packed again."""
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("liquidtrack-*.whl")
    return wheel


def entries(wheel: Path) -> list[str]:
    """What is wrong with the wheel's content and size."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    wrong = [f"{name} is missing" for name in NEEDED if name not in names]
    wrong += [f"{name} does not belong there" for name in names if FOREIGN.match(name)]
    wrong += [
        f"{text} is missing" for text in ("licenses/LICENSE", "licenses/NOTICE") if not any(text in n for n in names)
    ]
    if wheel.stat().st_size > LARGEST:
        wrong.append(f"{wheel.stat().st_size:,} bytes are more than {LARGEST:,}")
    return wrong


def commands(wheel: Path, folder: Path) -> None:
    """Install the wheel, and track in a folder that is none of the project's.

    Raises:
        CalledProcessError: a command failed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [str(binaries / "python"), "-m", "pip", "install", "--quiet", str(wheel)], check=True, env=environment
    )
    foreign = folder / "foreign"
    sequence = foreign / "root/walk"
    (sequence / "det").mkdir(parents=True)
    (sequence / "det/det.txt").write_text(DETECTIONS, encoding="utf-8")
    (sequence / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=10\nseqLength=3\nimWidth=320\nimHeight=240\n", encoding="utf-8"
    )
    for line in (
        "--version", "--help", "demo --clip scene --quiet", "track out/demo.mp4 --jsonl tracks.jsonl --quiet",
        "mot root tracks --quiet", "info out/demo.mp4",
    ):  # fmt: skip
        subprocess.run([str(binaries / "liquidtrack"), *line.split()], cwd=foreign, env=environment, check=True)
    missing = [
        name for name in ("out/demo.mp4", "tracks.jsonl", "tracks/walk.txt") if not (foreign / name).stat().st_size
    ]
    if missing:
        raise RuntimeError(f"{missing[0]} is empty.")


def main() -> int:
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for old in dist.glob("liquidtrack-*.whl"):
        old.unlink()
    wheel = build(dist)
    wrong = entries(wheel)
    for sentence in wrong:
        print(f"{wheel.name}: {sentence}.")
    if wrong:
        return 1
    with tempfile.TemporaryDirectory() as folder:
        commands(wheel, Path(folder))
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB, works.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
