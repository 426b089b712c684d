"""The commands of docs/results/commands*.toml, and the figures that they wrote."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.checks.renames import COMMANDS, OPTIONS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results"
WEIGHTS = (ROOT / "models/weights", ROOT / "tests/weights")


@dataclass(frozen=True, slots=True)
class Result:
    """One result.

    Attributes:
        name: of its JSON file.
        command: `liquidtrack`'s arguments.
        before: those of a command that makes its input, empty where none is needed.
        weights: names of the weights files that it depends on; a name without a suffix stands for its one file.
        quiet: a time, which needs a machine without other work.
    """

    name: str
    command: str
    before: str
    weights: tuple[str, ...]
    quiet: bool


def read_commands() -> list[Result]:
    """Every result, most important first."""
    content: dict[str, Any] = {}
    for path in (RESULTS / "commands.toml", *sorted(RESULTS.glob("commands-*.toml"))):
        content |= tomllib.loads(path.read_text(encoding="utf-8"))
    return [
        Result(
            name, " ".join(entry["command"].split()), " ".join(entry.get("before", "").split()),
            tuple(entry["weights"]), entry.get("machine") == "quiet",
        )
        for name, entry in content.items()
    ]  # fmt: skip


def weights_of(result: Result) -> dict[str, str]:
    """The sha256 of each weights file that a result depends on.

    Raises:
        FileNotFoundError: there is none of such a name.
    """
    found = {}
    for name in result.weights:
        paths = [p for folder in WEIGHTS for p in sorted(folder.glob(f"{name}*")) if p.stem == name or p.name == name]
        paths = [p for p in paths if p.suffix in (".onnx", ".safetensors")]
        if len(paths) != 1:
            raise FileNotFoundError(f"{result.name}: {name} names {len(paths)} weights files; correct commands.toml.")
        found[paths[0].name] = hashlib.sha256(paths[0].read_bytes()).hexdigest()
    return found


def read_figures(name: str) -> Any:
    """What the command of a result wrote."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def read_record(name: str) -> dict[str, Any]:
    """When, by which command and with which weights a result was measured."""
    return dict(json.loads((RESULTS / f"{name}.run.json").read_text(encoding="utf-8")))


def stale(result: Result) -> str | None:
    """Why a result does not hold for what is there now, or None."""
    record = read_record(result.name)
    if _renamed(record["command"]) != _renamed(result.command):
        return f"docs/results/{result.name}.json was measured by another command"
    changed = [name for name, digest in weights_of(result).items() if record["weights"].get(name) != digest]
    return f"docs/results/{result.name}.json was measured with another {changed[0]}" if changed else None


def _renamed(command: str) -> list[str]:
    """The words of a command, old names of commands and options by the new ones."""
    words = command.split()
    words[:2] = COMMANDS.get(" ".join(words[:2]), " ".join(words[:2])).split()
    options = {f"--{old}".replace("_", "-"): f"--{new}".replace("_", "-") for old, new in OPTIONS}
    return [options.get(word, word) for word in words]
