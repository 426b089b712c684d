"""The project's own files agree with each other: one version, and workflows that call targets that there are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_version_is_equal_in_every_file() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert versions[0] == PROJECT["version"]
    assert versions == sorted(versions, reverse=True)
    assert f"version: {PROJECT['version']}\n" in citation
    assert f"## {PROJECT['version']} - {re.findall(r'date-released: (.+)', citation)[0]}\n" in changelog


def test_workflows_call_makefile_targets() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"run: make ([\w-]+)", workflow)
    assert {"lint", "test", "test-fast", "wheel", "docs"} <= set(targets)
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_workflows_cover_the_supported_python_versions() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    tested = re.search(r"matrix: \{ python-version: \[(.+)\] \}", workflow)
    promised = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert tested is not None
    assert re.findall(r"[\d.]+", tested[1]) == promised
    assert PROJECT["requires-python"] == f">={promised[0]},<3.{int(promised[-1].split('.')[1]) + 1}"


def test_pages_contain_no_invented_forge_address() -> None:
    pages = [path for folder in ("", "docs", "models/weights") for path in (ROOT / folder).glob("*.md")]
    assert pages
    assert not [path.name for path in pages if "github.com/liquidtrack" in path.read_text(encoding="utf-8")]


def test_fast_tests_exist_and_cover_every_package() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    fast = re.search(r"^FAST := (.+)$", makefile, re.MULTILINE)
    assert fast is not None
    paths = fast[1].split()
    assert [path for path in paths if not (ROOT / path).exists()] == []
    rooms = [f"tests/{floor}" for floor in ("datasets", "models", "tools", "tracker")]
    rooms += [
        f"tests/tools/{path.name}" for path in (ROOT / "tests/tools").iterdir() if (path / "__init__.py").exists()
    ]
    assert [room for room in rooms if not any(f"{path}/".startswith(f"{room}/") for path in paths)] == []
