"""The pages of results are what docs/results/*.json give, and hold for the weights that are there."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.results_checkout import RESULT, RESULTS, ROOT, make_checkout, script


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return make_checkout(tmp_path)


def test_committed_pages_equal_the_generated_ones() -> None:
    checked = script(ROOT, "results.py", "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_page_shows_figures_command_and_date(checkout: Path) -> None:
    page = (checkout / "docs/results/reid.md").read_text()
    assert "| 0.700 | 0.800 | 0.900 | 1.000 |" in page
    assert "# 2026-11-29\nliquidtrack eval reid data/reid --json reid.json" in page
    assert script(checkout, "results.py", "--check").returncode == 0


def test_changed_figures_pages_and_weights_are_detected(checkout: Path) -> None:
    (checkout / "docs/results/reid.json").write_text(json.dumps(RESULT | {"mean_ap": 0.5}))
    assert (
        "docs/results/reid.md is not what docs/results/*.json give" in script(checkout, "results.py", "--check").stdout
    )
    assert script(checkout, "results.py").returncode == 0
    record = json.loads((checkout / "docs/results/reid.run.json").read_text())
    record["weights"]["lite0-stride8.onnx"] = "0" * 64
    (checkout / "docs/results/reid.run.json").write_text(json.dumps(record))
    (checkout / "docs/results/old.json").write_text("{}")
    checked = script(checkout, "results.py", "--check")
    assert checked.returncode == 1
    assert "docs/results/reid.json was measured with another lite0-stride8.onnx" in checked.stdout
    assert "docs/results/old.json belongs to no command" in checked.stdout


def test_every_command_of_the_results_parses() -> None:
    sys.path.insert(0, str(ROOT / "docs/scripts"))
    try:
        from result_files import read_commands, weights_of
    finally:
        sys.path.pop(0)
    from tools.cli.main import COMMANDS, load, split
    from tools.cli.settings import parse

    for result in read_commands():
        assert weights_of(result) is not None
        before = [result.before.split()] * bool(result.before)
        for command in (*before, [*result.command.split(), "--json", "figures.json"]):
            name, words = split(command)
            assert parse(load(COMMANDS[name].config), f"liquidtrack {name}", words)


def test_missing_result_data_are_one_sentence(tmp_path: Path) -> None:
    ended = script(ROOT, "run_results.py", str(tmp_path / "none"), str(tmp_path))
    assert ended.returncode == 2
    assert "there is no such folder; name the folders of the data and of the detectors." in ended.stdout


def test_card_without_the_marks_of_its_table_is_refused(checkout: Path) -> None:
    shutil.copytree(RESULTS, checkout / "docs/results", dirs_exist_ok=True)
    shutil.copy(ROOT / "README.md", checkout / "README.md")
    card = checkout / "models/weights/detector.onnx.md"
    before = card.read_text()
    assert script(checkout, "results.py").returncode == 0
    assert card.read_text() == before
    card.write_text("")
    ended = script(checkout, "results.py")
    assert ended.returncode == 1
    assert ended.stderr.startswith("models/weights/detector.onnx.md lacks the marks of its table")
    assert card.read_text() == ""


def test_page_of_few_looks_shows_what_a_video_takes(checkout: Path) -> None:
    """Times are shares of the first budget of the same detector."""
    results = checkout / "docs/results"
    runs = [
        {"detector": "lite0", "looks": looks, "share": share, "wall": wall, "cpu": 2 * wall, "hota": hota}
        for looks, share, wall, hota in (("all", 1.0, 20.0, 53.5), ("0.2", 0.2, 4.0, 55.8))
    ]
    (results / "looks-vtest.json").write_text(json.dumps({"runs": runs}))
    with (results / "commands.toml").open("a") as file:
        file.write('[looks-vtest]\ncommand = "bench looks-video a b"\nweights = []\n')
    record = {"command": "bench looks-video a b", "date": "2026-11-30", "seconds": 9.0, "machine": "any", "weights": {}}
    (results / "looks-vtest.run.json").write_text(json.dumps(record))
    made = script(checkout, "results.py")
    assert made.returncode == 0, made.stderr
    page = (results / "looks.md").read_text()
    assert "| lite0 | 0.2 | 20 % | 55.8 | 0.20 | 0.20 |" in page
    assert "| lite0 | all | 100 % | 53.5 | 1.00 | 1.00 |" in page
