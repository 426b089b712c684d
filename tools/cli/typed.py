"""Normalise typed words before parsing: times in any form, and the flags of other tools."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from models.checks.renames import new_name
from models.checks.seconds import FORMS, IN_SECONDS, parse_seconds
from models.errors import ConfigError

# Flags of other tools with an equivalent: the first one that the command has is taken.
SAME: dict[str, tuple[str, ...]] = {
    "conf": ("score",),
    "conf_thres": ("score",),
    "conf_threshold": ("score",),
    "confidence": ("score",),
    "score_thres": ("score",),
    "score_threshold": ("score",),
    "threshold": ("score",),
    "thresh": ("score",),
    "iou": ("nms",),
    "iou_thres": ("nms",),
    "iou_threshold": ("nms",),
    "nms_threshold": ("nms",),
    **dict.fromkeys(("imgsz", "img", "img_size", "imgsize"), ("input_size",)),
    "class": ("classes",),
    "filter_classes": ("classes",),
    "model": ("detector", "detectors", "embedder"),
    "yolo_model": ("detector",),
    "yolo_weights": ("detector",),
    "det_model": ("detector",),
    "vid_stride": ("every",),
    "stride": ("every",),
    "frame_step": ("every",),
    "skip_frames": ("every",),
    "ss": ("start",),
    "start_time": ("start",),
    "to": ("end",),
    "end_time": ("end",),
    "view_img": ("show",),
    "show_vid": ("show",),
    "view": ("show",),
    "display": ("show",),
    "q": ("quiet",),
    "silent": ("quiet",),
    "y": ("overwrite",),
    "exist_ok": ("overwrite",),
    "force": ("overwrite",),
    "output_dir": ("out",),
    "save_dir": ("out",),
    "save_json": ("json",),
}
FILMING: dict[str, tuple[str, ...]] = {"fps": ("rate",), "framerate": ("rate",), "r": ("rate",)}
LEARNING: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lr", "lr0"), ("learning_rate",)),
    **dict.fromkeys(("batch_size", "bs"), ("batch",)),
    **dict.fromkeys(("num_workers", "j"), ("workers",)),
}
INPUT = ("i", "input", "source", "src", "video_path", "data")  # their value is the first positional
ONE_WORD = ("box", "mask_box", "mask_polygon", "same")  # several values, each with commas
OUTPUT = ("o", "output", "outfile", "out_file")  # the suffix of their value decides the flag
BY_SUFFIX = {
    ".mp4": "video",
    ".mkv": "video",
    ".mov": "video",
    ".webm": "video",
    ".avi": "video",
    ".jsonl": "jsonl",
    ".txt": "mot",
    ".xml": "cvat",
    ".json": "coco",
}

# Flags of other tools without an equivalent, and advice; {0} is the flag. Printed where the setting exists.
_VIDEO = ("video", "{0} has no file to write to; give --video out.mp4.")
_LABELS = ("mot", "{0} has no file to write to; give --mot out.txt, --jsonl out.jsonl or --yolo FOLDER.")
_SIZE = ("detector", "{0} is part of the detector here: --detector fused:640, and an ONNX file has its own size.")
_ONE = ("motion", "{0}: there is one tracker; --motion and the other flags of --help set it.")
_HALF = ("detector", "{0}: a network runs at the precision that its file has; export it anew for another.")
_REID = ("reid", "{0}: write --reid to know objects again that come back, --appearance for how they look.")
ANSWERS: dict[str, tuple[str, str]] = {
    "imgsz": _SIZE,
    "img": _SIZE,
    "img_size": _SIZE,
    "imgsize": _SIZE,
    "save": _VIDEO,
    "save_vid": _VIDEO,
    "save_video": _VIDEO,
    "save_img": _VIDEO,
    "save_txt": _LABELS,
    "save_mot": _LABELS,
    "save_conf": _LABELS,
    "save_crop": ("video", "{0}: boxes are not cut out; --jsonl out.jsonl holds them with frame and seconds."),
    "project": ("video", "{0}: each result has a flag and a path of its own; give --video out.mp4, --mot out.txt."),
    "name": ("video", "{0}: each result has a flag and a path of its own; give --video out.mp4, --mot out.txt."),
    "nosave": ("video", "{0}: only what you name is written; leave it out."),
    "tracker": _ONE,
    "tracking_method": _ONE,
    "tracker_type": _ONE,
    "track_buffer": ("max_age", "{0} counts frames; here a track waits by the clock: --max-age SECONDS."),
    "min_hits": ("min_confirm", "{0} counts frames; here a track is confirmed by the clock: --min-confirm SECONDS."),
    "half": _HALF,
    "fp16": _HALF,
    "reid_model": _REID,
    "reid_weights": _REID,
    "with_reid": _REID,
    "persist": ("motion", "{0}: tracks are kept from frame to frame always; leave it out."),
    "t": ("end", "{0}: give the time at which to end, counted from the start of the source: --end SECONDS."),
    "duration": ("end", "{0}: give the time at which to end, counted from the start of the source: --end SECONDS."),
    "frames": ("end", "{0}: a part is given in seconds: --start 1:30 --end 2:00."),
    "max_det": ("score", "{0}: there is no limit on the boxes of a frame; raise --score to have fewer."),
    "agnostic_nms": (
        "nms",
        "{0}: boxes of several classes on one object are one track anyway; leave it out.",
    ),
    "augment": ("detector", "{0}: each frame is looked at once; leave it out."),
    "verbose": ("quiet", "{0}: progress is shown unless --quiet is given; leave it out."),
    "gpu": ("device", "{0}: write --device cuda."),
    "cpu": ("device", "{0}: write --device cpu."),
}
_KEY = re.compile(r"([A-Za-z]\w*)=(.*)", re.ASCII | re.DOTALL)


def understand(words: Sequence[str], kind: type, prog: str, places: Sequence[str], known: Sequence[str]) -> list[str]:
    """Command-line words with flags of other tools replaced by ours, lists split, and times in seconds.

    Args:
        words: as they were typed.
        kind: the dataclass of the command.
        prog: the name of the command.
        places: names of its positional settings, in order.
        known: names of all its settings.

    Raises:
        ConfigError: a flag of another tool has no equivalent, or a time is invalid.
    """
    return in_seconds(_lists_apart(_our_flags(words, prog, places, frozenset(known)), kind), kind)


def in_seconds(words: Sequence[str], kind: type, where: str = "") -> list[str]:
    """The words with the values of all time flags as plain seconds; `where` begins the error message.

    Raises:
        ConfigError: a value of such a flag is not a time.
    """
    hints = {name: hint for name, hint in _hints(kind) if _is_seconds(hint)}
    return _with_values(words, hints, lambda flag, value: [_plain(where + flag, value)])


def _lists_apart(words: Sequence[str], kind: type) -> list[str]:
    """Split `person,car` into `person` and `car` where a flag takes several words or numbers."""
    hints = {
        name: hint
        for name, hint in _hints(kind)
        if get_origin(hint) is tuple and Path not in get_args(hint) and name not in ONE_WORD
    }

    def parts(flag: str, value: str) -> list[str]:
        return [part.strip() for part in value.split(",") if part.strip()] or [value]

    return _with_values(words, hints, parts)


def _with_values(words: Sequence[str], hints: Mapping[str, Any], change: Callable[[str, str], list[str]]) -> list[str]:
    """The words with each value of the flags in `hints` replaced by the result of `change(flag, value)`."""
    result: list[str] = []
    flag, many = "", False  # the flag of the current values, and whether it takes more than one
    for word in words:
        if word.startswith("--"):
            name, equals, value = word.partition("=")
            setting = name[2:].replace("-", "_")
            flag = name if setting in hints else ""
            many = bool(flag) and get_origin(hints[setting]) is tuple
            if flag and equals:
                values = change(flag, value)
                result += [f"{name}={values[0]}"] if len(values) == 1 else [name, *values]
                flag = ""
            else:
                result.append(word)
        elif flag:
            result += change(flag, word)
            flag = flag if many else ""
        else:
            result.append(word)
    return result


def _plain(flag: str, word: str) -> str:
    if word == "None":  # the parser's word for an unset setting
        return word
    try:
        return repr(parse_seconds(word))
    except ValueError:
        raise ConfigError(f"{flag} {word}: that is no time; {FORMS}.") from None


def _hints(kind: type) -> Iterator[tuple[str, Any]]:
    """(name, type) of every setting of the dataclass `kind`, sections flattened."""
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            yield from _hints(hint)
        else:
            yield name, hint


def _is_seconds(hint: Any) -> bool:
    return IN_SECONDS in getattr(hint, "__metadata__", ()) or any(map(_is_seconds, get_args(hint)))


def _our_flags(words: Sequence[str], prog: str, places: Sequence[str], known: frozenset[str]) -> list[str]:
    first: list[str] = []  # flags for the first and the last positional
    last: list[str] = []
    result: list[str] = []
    same = SAME | (LEARNING if " train " in prog or prog.endswith(" cells") else FILMING)
    rest = iter(words)
    for word in rest:
        if word == "--":
            result += [word, *rest]
        elif not re.match(r"--?[A-Za-z]", word):
            _refuse_key(word, known, places, same)
            result.append(word)
        else:
            flag, equals, value = word.partition("=")
            name = flag.lstrip("-").replace("-", "_").lower()
            ours = next((ours for ours in same.get(name, ()) if ours in known), None)
            if name in places or (name in INPUT and name not in known and places):
                place = _place(flag, name, prog, places)
                (first if place == places[0] else last).append(value if equals else _value(flag, rest))
            elif name in known:
                result.append(word)
            elif name in OUTPUT:
                value = value if equals else _value(flag, rest)
                target = _for_output(flag, value, prog, places, known)
                if target is None:
                    last.append(value)
                else:
                    result += [target, value]
            elif ours is not None:
                result.append(f"--{ours.replace('_', '-')}{equals}{value}")
            elif name in ANSWERS and ANSWERS[name][0] in known:
                raise ConfigError(ANSWERS[name][1].format(flag))
            else:
                result.append(word)
    return first + result + last


def _place(flag: str, name: str, prog: str, places: Sequence[str]) -> str:
    """The first or the last positional of the command, as `flag` names it."""
    place = name if name in places else places[0]
    if place not in (places[0], places[-1]):
        raise ConfigError(f"{flag} stands without a flag; write {prog} {' '.join(places).upper()}.")
    return place


def _value(flag: str, rest: Any) -> str:
    value: str | None = next(rest, None)
    if value is None:
        raise ConfigError(f"{flag} needs a value behind it.")
    return value


def _for_output(flag: str, value: str, prog: str, places: Sequence[str], known: frozenset[str]) -> str | None:
    """Our flag for a result at the path `value`; None for the last positional of the command."""
    if places and places[-1] in ("output", "out"):
        return None
    suffix = Path(value).suffix.lower()
    folder = "out" if "video" not in known or not suffix else ""  # for `track`, a path with a suffix is not a folder
    choices = (
        BY_SUFFIX.get(suffix),
        folder,
        "save",
        "json" if suffix == ".json" and prog != "liquidtrack info" else "",
    )
    for ours in choices:
        if ours in known:
            return f"--{ours}"
    if "video" in known:
        raise ConfigError(
            f"{flag} {value}: its suffix tells no format; give --video out.mp4, --jsonl out.jsonl, --mot out.txt, "
            "--cvat out.xml, --coco out.json or --yolo FOLDER."
        )
    raise ConfigError(f"{flag} {value}: {prog} has no such output; see {prog} --help.")


def _refuse_key(word: str, known: frozenset[str], places: Sequence[str], same: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse `conf=0.25`, the form of settings in some tools, instead of taking it for a file."""
    if (found := _KEY.fullmatch(word)) is None or Path(word).exists():
        return
    key, value = found[1].lower(), found[2]
    if key in INPUT and places:
        raise ConfigError(f"{word}: write {value or places[0].upper()} alone.")
    ours = key if key in known else new_name(key, known)
    ours = ours or next((ours for ours in same.get(key, ()) if ours in known), None)
    if ours is not None and ours not in places:
        raise ConfigError(f"{word}: a flag begins with two dashes; write --{ours.replace('_', '-')} {value}.")
    if key in ANSWERS and ANSWERS[key][0] in known:
        raise ConfigError(ANSWERS[key][1].format(word))
