"""The order of the house: short files, few loose modules, nothing private across packages, tests in their rooms.

The order of floors and rooms, and that there are no circles, is held by `lint-imports` (pyproject.toml).
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = ("tools", "datasets", "tracker", "models")
MOST_LINES = 400
MOST_LOOSE = 12  # modules that lie beside the rooms of a floor
CODE = (".py", ".sh", ".toml", ".yml", ".css", ".js")
# Tests of the whole: of the command line, of the documents, of hostile input; and what tests share.
NO_ROOMS = ("attack", "data", "end_to_end", "support")


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_no_file_is_longer_than_400_lines() -> None:
    files = [
        path for folder in (*FLOORS, "tests", "docs") for path in (ROOT / folder).rglob("*") if path.suffix in CODE
    ]
    lengths = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in files}
    assert len(lengths) > 500
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_packages_have_few_top_level_modules() -> None:
    for floor in FLOORS:
        loose = [path.name for path in (ROOT / floor).glob("*.py") if path.name != "__init__.py"]
        assert len(loose) <= MOST_LOOSE, f"{floor} has {sorted(loose)}; give some of them a room"


def test_no_private_name_is_imported_from_another_module() -> None:
    found = []
    for path in modules(*FLOORS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in FLOORS:
                found += [f"{path}:{node.lineno} {alias.name}" for alias in node.names if _private(alias.name)]
    assert found == []


def _private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def test_tests_mirror_the_packages_they_test() -> None:
    tested = {path.parent for path in modules("tests") if path.name.startswith("test_")} - {ROOT / "tests"}
    places = {folder.relative_to(ROOT / "tests") for folder in tested}
    assert Path("tracker/motion") in places
    stray = {str(place) for place in places if place.parts[0] not in NO_ROOMS and not (ROOT / place).is_dir()}
    assert stray == set()


def test_no_test_module_imports_another() -> None:
    found = []
    for path in modules("tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [
                f"{path}:{node.lineno} {name}" for name in names if name.startswith("tests.") and ".test_" in name
            ]
    assert found == []
