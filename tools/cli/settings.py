"""Settings from flags and TOML files, and back. The keys of a file are the flags, so both build the same objects.

A file is parsed as if its settings had been typed. Its values are the defaults of the typed flags.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import io
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import tomli_w
import tyro
from tyro.conf import Positional, UseAppendAction

from datasets.source_factory import path_of
from datasets.sources.credentials import strip_credentials_from_text
from models.checks.paths import PathError, checked, read_bounded
from models.checks.printable import one_line
from models.errors import ConfigError
from tools.cli.messages import complain
from tools.cli.mistakes import Objection, check_known, objections
from tools.cli.options import options
from tools.cli.renames import with_new_flags, with_new_keys
from tools.cli.typed import in_seconds, understand
from tracker.detectors.config import DetectorConfig

T = TypeVar("T")

files_read: list[Path] = []  # settings files named on the command line, which must not be overwritten
words_read: list[str] = []  # the command line after its command, for settings that are parsed again with layers

# Flat flags (`--score`, not `--detector.score`): the names are unique across the sections, as a test checks.
OPTIONS = (tyro.conf.OmitArgPrefixes, tyro.conf.PositionalMetavarFromFieldName)
PATHS = tyro.constructors.ConstructorRegistry()
LARGEST = 1 << 20  # most bytes of a settings file
# Nesting would cost the parser memory or its stack; settings are flat.
NESTED = re.compile(rb"(?:[\[{][^\[\]{}]{0,40}){64}|(?:\.[^.\n]{0,40}){64}")
A_FLAG = re.compile(r"--|-[A-Za-z]")
FILES = ("detector", "weights", "appearance_weights")  # text that may be the path of a file
CODE = "python:"  # prefix of a custom detector


@PATHS.primitive_rule
def _path(info: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec[Path] | None:
    """Check a path of a command at parsing."""
    if info.type is not Path:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda words: checked(words[0]),
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    )


def settings(kind: type) -> dict[str, bool]:
    """Every setting of the dataclass `kind`, sections flattened: name -> whether it is positional.

    Raises:
        ConfigError: two sections have a setting of the same name.
    """
    found: dict[str, bool] = {}
    hints = get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        section = isinstance(hint, type) and dataclasses.is_dataclass(hint)
        place = Positional in getattr(hint, "__metadata__", ())
        inner = settings(hint) if section else {field.name: place}
        if twice := found.keys() & inner.keys():
            raise ConfigError(f"{kind.__name__} has the setting {min(twice)} twice; rename one.")
        found.update(inner)
    return found


def _appended(kind: type) -> set[str]:
    """The settings of `kind` with a repeatable flag of one value each."""
    found: set[str] = set()
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            found |= _appended(hint)
        elif UseAppendAction in getattr(hint, "__metadata__", ()):
            found.add(name)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class SettingsLayer:
    """Settings between the files of --config and the typed words: where they stand, and words by setting."""

    where: str
    words: dict[str, list[str]]


def read_layer(path: Path, kind: type, trusted: bool) -> SettingsLayer:
    """A TOML file whose keys are settings of `kind`; its relative paths count from its folder.

    Raises:
        ConfigError: it is missing, is not TOML, names an unknown setting, or Python code that is not `trusted`.
    """
    return layer_of(path, _content(path), kind, trusted)


def layer_of(path: Path, content: dict[str, Any], kind: type, trusted: bool) -> SettingsLayer:
    """Settings of `kind` that were read from `path`, see `read_layer`."""
    words = _words(path, content, settings(kind), _appended(kind), trusted)
    places = {name for name, hint in hints_of(kind) if Path in (hint, *get_args(hint))}
    folder = path.absolute().parent
    for name, values in words.items():
        words[name] = [_from_folder(word, folder, name in places, name in FILES) for word in values]
    return SettingsLayer(str(path), words)


def _from_folder(word: str, folder: Path, is_path: bool, may_be_file: bool) -> str:
    """A word with its relative path, or that behind file: or onnx:, from `folder`."""
    flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    kind, colon, rest = value.partition(":")
    if colon and kind in ("file", "onnx") and rest:
        value = f"{kind}:{folder / rest}"
    elif value and (is_path or (may_be_file and (folder / value).is_file())):
        value = str(folder / value)
    return f"{flag}{equals}{value}" if not flag or equals else word


def hints_of(kind: type) -> Iterator[tuple[str, Any]]:
    """(name, type) of every setting of `kind`, sections flattened."""
    for name, hint in get_type_hints(kind).items():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from hints_of(hint)
        else:
            yield name, hint


def parse(kind: type[T], prog: str, arguments: Sequence[str], layers: Sequence[SettingsLayer] | None = None) -> T:
    """The object of dataclass `kind` for a command line.

    Args:
        kind: a dataclass.
        prog: the name of the command, for messages.
        arguments: the words behind it.
        layers: settings that win over the files of --config, a later one over an earlier one, and over which typed
            words win.

    Raises:
        ConfigError: a flag or its value is invalid or missing; a settings file is missing, is not TOML, or names an
            unknown setting.
    """
    typed, files, trusted = _take_files(arguments)
    if layers is None:
        files_read[:], words_read[:] = files, arguments
    found = options(kind)
    hint = f"see {prog} --help"
    known = settings(kind)
    places = [name for name, positional in known.items() if positional]
    typed, notices = with_new_flags(typed, known)
    for notice in notices if layers is None else ():
        complain(notice)
    typed = understand(typed, kind, prog, places, tuple(known))
    with _one_sentence("", hint, typed):
        check_known(typed, found)
    if not files and not layers:
        with _one_sentence("", hint, typed), objections(prog, found):
            return _with_places(tyro.cli(kind, prog=prog, args=typed, config=OPTIONS, registry=PATHS))
    words: dict[str, list[str]] = {}
    for path in files:
        words.update(_words(path, _content(path), known, _appended(kind), trusted))
    for layer in layers or ():
        words.update(layer.words)
    # A positional that no file gives gets a placeholder here, and is required again below.
    first = [word for name in places for word in words.get(name, ["-"])]
    flags = [word for name, value in words.items() if not known[name] for word in value]
    with (
        _one_sentence(
            where := f"{', '.join(map(str, [*files, *(layer.where for layer in layers or ())]))}: ", hint, flags
        ),
        objections(prog, found),
    ):
        flags = in_seconds(flags, kind, where)
        default = tyro.cli(kind, prog=prog, args=[*first, *flags], config=OPTIONS, registry=PATHS)
    open_places = {name: tyro.MISSING for name in places if name not in words}
    default = dataclasses.replace(default, **open_places)  # type: ignore[type-var]
    with _one_sentence("", hint, typed), objections(prog, found):
        return _with_places(tyro.cli(kind, prog=prog, args=typed, config=OPTIONS, registry=PATHS, default=default))


def _with_places(config: T) -> T:
    """The same settings, with a check of the paths given as text: the source, and the file of a detector.

    Raises:
        PathError: one of them is not a path.
        ConfigError: the source is empty.
    """
    for name, value in flatten(config):
        if name == "source" and isinstance(value, str):
            if not value.strip():
                raise PathError(value, "the source is empty; name a video, a camera's number, an address or a folder")
            if (path := path_of(value)) is not None:
                checked(path)
    for section in _sections(config):
        if isinstance(section, DetectorConfig):
            section.kind_and_argument()
    return config


def _sections(config: Any) -> Iterator[Any]:
    """A configuration object and all sections in it."""
    yield config
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from _sections(value)


@contextlib.contextmanager
def _one_sentence(where: str, hint: str, words: Sequence[str]) -> Iterator[None]:
    """Raise a parser error as ours, like every other error in `words`."""
    try:
        # Text that it may still print, for an error that only a later release of tyro reports.
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    except Objection as objection:
        text = str(objection)
        raise ConfigError(
            f"{where}{text}{'' if text.endswith('?') else ';'} {hint}.".replace("? see", "? See")
        ) from None
    except SystemExit:
        raise ConfigError(f"{where}these options cannot be read; {hint}.") from None
    except PathError as error:
        raise ConfigError(f"{where}{_flag_of(error.text, words)}{error}") from None


def _flag_of(value: str, words: Sequence[str]) -> str:
    """`--flag: ` for a value of a flag."""
    for k, word in enumerate(words):
        flag, equals, given = word.partition("=")
        if word.startswith("--") and equals and given == value:
            return f"{flag}: "
        if word == value and k and words[k - 1].startswith("--"):
            return f"{words[k - 1]}: "
    return ""


def _take_files(arguments: Sequence[str]) -> tuple[list[str], list[Path], bool]:
    """(the other words, the files of --config, whether --allow-code is given)."""
    typed: list[str] = []
    files: list[Path] = []
    trusted = False
    words = iter(arguments)
    for word in words:
        if word == "--allow-code":
            trusted = True
        elif word == "--config":
            if (path := next(words, None)) is None:
                raise ConfigError("--config needs the path of a TOML file.")
            files.append(checked(path))
        elif word.startswith("--config="):
            files.append(checked(word.removeprefix("--config=")))
        else:
            typed.append(word)
    return typed, files, trusted


def _content(path: Path) -> dict[str, Any]:
    """Content of a TOML file.

    Raises:
        ConfigError: it is missing, too large, not TOML, or holds text that is valid for no setting.
    """
    data = read_bounded(path, LARGEST, ConfigError)
    if NESTED.search(data):
        raise ConfigError(f"{path}: is nested too deeply; settings are a flat list of names and values.")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # also for bytes that are not UTF-8, and for numbers of thousands of digits
        raise ConfigError(f"{path}: is not valid TOML ({error}).") from None
    for key, value in content.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and one_line(text) != text:
                raise ConfigError(f"{path}: {key} is {text[:80]!r}; take its control characters out.")
            if isinstance(text, str) and A_FLAG.match(text):
                raise ConfigError(f"{path}: {key} is {text[:80]!r}, a flag; write the setting by its name.")
            if isinstance(text, int) and abs(text) >= 1 << 63:
                raise ConfigError(f"{path}: {key} is a number of more than 64 bits; give a smaller one.")
    return content


def _words(
    path: Path, content: dict[str, Any], known: dict[str, bool], appended: set[str], trusted: bool
) -> dict[str, list[str]]:
    """The settings of a TOML file as command-line words; Python code only where the file is `trusted`."""
    names, notices = with_new_keys(content, known, path)
    for notice in notices:
        complain(notice)
    found = {}
    for key, value in content.items():
        name = names[key]
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"perhaps {near[0]} was meant." if near else f"the settings are {', '.join(known)}."
            raise ConfigError(f"{path}: there is no setting {key[:80]!r}; {hint}")
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            found[name] = [flag if value else f"--no-{flag[2:]}"]
        elif isinstance(value, str | int | float | list):
            values = [str(v) for v in value] if isinstance(value, list) else [str(value)]
            if not trusted and (code := next((v for v in values if v.strip().lower().startswith(CODE)), "")):
                raise ConfigError(
                    f"{path}: {key} = {code!r} runs Python code; look at that code, and add --allow-code to let it."
                )
            again = [f"{flag}={value}" for value in values]
            found[name] = values if known[name] else again if name in appended else [flag, *values]
        else:
            raise ConfigError(f"{path}: {key} is a {type(value).__name__}; give text, a number, true/false or a list.")
    return found


def flatten(config: Any) -> Iterator[tuple[str, Any]]:
    """Every (name, value) of a configuration object, sections flattened."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from flatten(value)
        else:
            yield field.name, value


def to_toml(config: Any) -> str:
    """The resolved settings as TOML for `--config`; settings that are None are left out."""
    values = {name: _without_secrets(value) for name, value in flatten(config) if value is not None}
    return tomli_w.dumps({k: v if isinstance(v, bool | int | float | tuple) else str(v) for k, v in values.items()})


def _without_secrets(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_without_secrets, value))
    return strip_credentials_from_text(value) if isinstance(value, str) else value
