"""The page's modules fit together: what is imported exists and is used, and all words stand in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tools.annotate

STATIC = Path(tools.annotate.__file__).parent / "static"
MODULES = sorted(STATIC.glob("*.js"))
IMPORT = re.compile(r'^import (?:\* as (\w+)|\{([^}]*)\}) from "\./(\w+\.js)";$', re.MULTILINE)


def exported(module: str) -> set[str]:
    text = (STATIC / module).read_text()
    return set(re.findall(r"^export (?:async )?(?:function\*?|const|let|class) (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_import_is_exported_and_used(module: Path) -> None:
    text = module.read_text()
    body = IMPORT.sub("", text)
    for whole, names, other in IMPORT.findall(text):
        assert (STATIC / other).is_file(), f"{module.name} imports {other}"
        if whole:
            for used in re.findall(rf"(?<![\w.]){whole}\.(\w+)", body):
                assert used in exported(other), f"{module.name}: {whole}.{used} is not in {other}"
            assert re.search(rf"(?<![\w.]){whole}\b", body), f"{module.name} does not use {whole}"
        for name in filter(None, (name.strip() for name in names.split(","))):
            assert name in exported(other), f"{module.name}: {name} is not in {other}"
            assert re.search(rf"(?:(?<![\w.])|(?<=\.\.\.)){name}\b", body), f"{module.name} does not use {name}"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_names_from_files_never_become_markup(module: Path) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", module.read_text())


@pytest.mark.parametrize("page", ["page.html", "list.html"])
def test_pages_load_only_their_own_files(page: str) -> None:
    text = (STATIC / page).read_text()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert addresses
    for address in addresses:
        assert address.startswith("/static/{version}/")
        assert (STATIC / address.rpartition("/")[2]).is_file()
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=", text)


def test_every_word_of_the_page_is_in_one_place() -> None:
    used = set()
    for module in MODULES:
        text = module.read_text()
        used |= set(re.findall(r"(?<![\w.])S\.(\w+)", text))
    strings = "\n".join((STATIC / name).read_text() for name in ("strings.js", "strings_commands.js"))
    known = set(re.findall(r"^  (\w+): ", strings, re.MULTILINE))
    assert known == used
