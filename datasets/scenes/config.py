"""Settings of a scene, and their short form `scene:SEED?people=8&profile=bursty`."""

from __future__ import annotations

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qsl

from models.errors import ConfigError

Camera = Literal["still", "pan", "zoom", "shake", "all"]
PREFIX = "scene:"


@dataclass(frozen=True, slots=True)
class Scene:
    """A square in a town: people cross it, cars pass behind it. The same settings give the same bytes.

    Attributes:
        seed: seed of all random numbers.
        width: pixels.
        height: pixels.
        duration: seconds.
        rate: frames a second before frames are left out.
        profile: which frames are dropped: full (none), stride5, stride10, drop70, jitter, bursty,
            switching, interrupted.
        people: number of people at a time.
        vehicles: number of cars, vans and buses at a time.
        lookalikes: share of people in one of two uniforms, 0 to 1.
        occluders: number of columns, kiosks and planters on the square, which occlude people.
        camera: how the camera moves.
        exposure: exposure time in seconds, which blurs moving objects. A frame's time is the middle of its exposure.
        noise: standard deviation of the sensor noise, grey levels of 255.
        shadows: whether there is sun.
    """

    seed: int = 0
    width: int = 960
    height: int = 540
    duration: float = 12.0
    rate: float = 30.0
    profile: str = "full"
    people: int = 12
    vehicles: int = 3
    lookalikes: float = 0.25
    occluders: int = 3
    camera: Camera = "still"
    exposure: float = 0.008
    noise: float = 2.0
    shadows: bool = True

    def __post_init__(self) -> None:
        ranges: dict[str, tuple[float, float]] = {
            "seed": (0, 2**63 - 1),
            "width": (64, 7680),
            "height": (64, 4320),
            "duration": (0.05, 86400),
            "rate": (0.1, 1000),
            "people": (0, 500),
            "vehicles": (0, 20),
            "lookalikes": (0, 1),
            "occluders": (0, 20),
            "exposure": (0, 0.5),
            "noise": (0, 60),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} of a scene is {value}; give {low:g} to {high:g}.")
        if self.camera not in get_args(Camera):
            raise ConfigError(f"camera of a scene is {self.camera!r}; give one of {', '.join(get_args(Camera))}.")
        if self.exposure > 1 / self.rate:
            raise ConfigError(
                f"exposure {self.exposure:g} s is longer than a frame at {self.rate:g} a second; shorten it."
            )

    @property
    def name(self) -> str:
        """A name for files and titles."""
        return f"scene-{self.seed}"


def parse(spec: str) -> Scene:
    """`scene:SEED?key=value&...` -> Scene; `scene:` alone is seed 0.

    Raises:
        ConfigError: the seed or a value is not a number, or there is no such setting.
    """
    seed, _, query = spec.removeprefix(PREFIX).partition("?")
    values: dict[str, object] = {"seed": _number("seed", seed or "0", int)}
    known = {field.name: field.default for field in dataclasses.fields(Scene)}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"perhaps {near[0]} was meant." if near else f"the settings are {', '.join(known)}."
            raise ConfigError(f"{spec}: a scene has no setting {key!r}; {hint}")
        default = known[key]
        if isinstance(default, bool):
            if text not in ("true", "false", "1", "0"):
                raise ConfigError(f"{key} of a scene is {text!r}; give true or false.")
            values[key] = text in ("true", "1")
        elif isinstance(default, int | float):
            values[key] = _number(key, text, type(default))
        else:
            values[key] = text
    return Scene(**values)  # type: ignore[arg-type]


def _number(key: str, text: str, kind: type[int] | type[float]) -> float:
    try:
        value = kind(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"{key} of a scene is {text!r}; give a {'whole ' if kind is int else ''}number.")
    return value
