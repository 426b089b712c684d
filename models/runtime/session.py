"""Networks at run time: ONNX Runtime sessions with clear errors and a silent stderr."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError, WeightsError
from models.runtime.compute import usable_cores

_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a network: its name and shape, None where a size is free."""

    name: str
    shape: tuple[int | None, ...]
    dtype: Any

    def __str__(self) -> str:
        return f"{self.name} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


def _port(value: Any, path: Path) -> Port:
    if value.type not in _DTYPES:
        raise WeightsError(f"{path}: {value.name} is a {value.type}; liquidtrack runs networks of plain tensors.")
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in value.shape)
    return Port(value.name, shape, _DTYPES[value.type])


def _first_line(error: Exception) -> str:
    """The reason in an ONNX Runtime error, without the prefix `[ONNXRuntimeError] : 7 : INVALID_PROTOBUF :`."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.split(" : ")[-1].rstrip(".")[:200]


_kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()  # the last used at the end
_keeps = 0


def keep_sessions(count: int) -> None:
    """Keeps up to `count` loaded networks for the next `Session` of the same file, threads and device.

    For processes that do one task after the other: loading lite0 takes 0.12 s of CPU time, and a GPU has to be set up.
    """
    global _keeps
    _keeps = count
    while len(_kept) > count:
        _kept.popitem(last=False)


class Network(Protocol):
    """A network at run time: arrays by input name in, all outputs in order out."""

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]: ...


class Session:
    """A network in an ONNX file.

    Args:
        path: the .onnx file.
        threads: CPU threads inside an operator; 0 takes all cores that the process may use.
        device: "auto" takes CUDA where the installed ONNX Runtime supports it, else the CPU; "cuda" requires it.

    Raises:
        WeightsError: the file is missing, damaged or not an ONNX network.
        ConfigError: CUDA is required and not available.
    """

    def __init__(self, path: Path | str, threads: int = 0, device: str = "auto") -> None:
        import onnxruntime

        self.path = Path(path)
        if not self.path.is_file():
            raise WeightsError(f"{self.path}: there is no such file; give the path of an .onnx network.")
        onnxruntime.set_default_logger_severity(4)
        cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers() and device != "cpu"
        if device == "cuda" and not cuda:
            raise ConfigError("device cuda needs the package onnxruntime-gpu; install it, or choose device cpu.")
        if cuda and hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()  # finds the CUDA libraries that came as Python packages
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or usable_cores()
        options.inter_op_num_threads = 1
        # Spinning threads save microseconds for this network and take the core from the other stages of the pipeline.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CUDAExecutionProvider"] * cuda + ["CPUExecutionProvider"]
        try:
            self._session = self._loaded(onnxruntime, options, providers)
        except Exception as error:  # ONNX Runtime raises a dozen unrelated types
            raise WeightsError(
                f"{self.path}: ONNX Runtime cannot load this network ({_first_line(error)}); check or fetch it again."
            ) from error
        if device == "cuda" and "CUDAExecutionProvider" not in self._session.get_providers():
            raise ConfigError("device cuda: ONNX Runtime found no usable CUDA device; choose device cpu.")
        self.inputs = tuple(_port(value, self.path) for value in self._session.get_inputs())
        self.outputs = tuple(_port(value, self.path) for value in self._session.get_outputs())
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._dtypes = {port.name: port.dtype for port in self.inputs}

    def _loaded(self, onnxruntime: Any, options: Any, providers: list[str]) -> Any:
        """The network, loaded now or before."""
        status = self.path.stat()
        file = str(self.path.resolve()), status.st_size, status.st_mtime_ns
        key = (*file, options.intra_op_num_threads, tuple(providers))
        if key not in _kept:
            session = onnxruntime.InferenceSession(str(self.path), options, providers=providers)
            if not _keeps:
                return session
            _kept[key] = session
            keep_sessions(_keeps)
        _kept.move_to_end(key)
        return _kept[key]

    @property
    def on_gpu(self) -> bool:
        """Whether the network runs on a CUDA device."""
        return "CUDAExecutionProvider" in self._session.get_providers()

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """One pass: arrays by input name in, all outputs in the order of `outputs` out."""
        typed = {name: np.ascontiguousarray(value, dtype=self._dtypes[name]) for name, value in feeds.items()}
        try:
            return list(self._session.run(None, typed))
        except Exception as error:
            raise WeightsError(
                f"{self.path}: the network failed ({_first_line(error)}); it may be damaged or of another family."
            ) from error
