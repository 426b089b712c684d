"""An environment that is older than the source that runs in it says in one sentence how to renew it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from models.extras import REQUIRED

ROOT = Path(__file__).parents[2]


def script(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", text, *words], capture_output=True, text=True, check=False)


def test_old_entry_point_works_and_tells_how_to_reinstall() -> None:
    ended = script("import sys\nfrom tools.cli import main\nsys.exit(main())", "--version")
    assert ended.returncode == 0
    assert ended.stdout.startswith("liquidtrack ")
    assert ended.stderr.startswith("liquidtrack: this command was installed by an earlier version; run `pip install .`")
    assert ended.stderr.count("\n") == 1


def test_missing_requirement_is_one_sentence() -> None:
    blocked = "import sys\nsys.modules['tyro'] = None\nfrom tools.cli.main import main\nsys.exit(main())"
    ended = script(blocked, "info", "clip.mp4")
    assert ended.returncode == 2
    assert ended.stderr == (
        "liquidtrack: tyro is not installed: this environment is older than liquidtrack; "
        "run `pip install .` again (`pip install -e .` in a checkout).\n"
    )


def test_requirements_table_equals_the_project_metadata() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(REQUIRED.values()) == sorted(re.split(r"[<>=]", line)[0] for line in project["dependencies"])
