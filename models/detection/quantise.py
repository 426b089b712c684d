"""Static quantisation to 8-bit integers, calibrated on images: half the time on processors with VNNI, half the bytes.

Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
arXiv:1712.05877, by ONNX Runtime's tools. EfficientNet-Lite was designed for it: no squeeze-and-excitation, ReLU6 in
place of swish.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.runtime.cache import atomic

Feeds = Mapping[str, NDArray[Any]]
# The last sums and sigmoids of the outputs stay in floating point, at no cost.
KINDS = ("Conv", "Add", "Resize", "Clip", "Relu", "LeakyRelu", "MaxPool", "AveragePool", "Concat")


def quantise(network: Path, path: Path, pictures: Iterable[Feeds]) -> None:
    """Writes `network` with 8-bit weights (a scale for each filter) and 8-bit maps (one for each map) to `path`.

    Args:
        network: an ONNX file in floating point.
        path: the output file, written atomically.
        pictures: calibration inputs, from which the value ranges of the maps follow; some dozens.
    """
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds: Iterator[Feeds] = iter(pictures)

        def get_next(self) -> Feeds | None:
            return next(self._feeds, None)

    about = onnx.load(str(network), load_external_data=False).metadata_props
    with tempfile.TemporaryDirectory() as folder:
        wide = Path(folder) / "wide.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        # converts weights from half precision to float32, and folds constants
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(wide)
        onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])
        level = logging.root.level
        logging.root.setLevel(logging.ERROR)  # it recommends this very step
        try:
            with atomic(path) as part:
                quantize_static(
                    str(wide),
                    str(part),
                    Reader(),
                    quant_format=QuantFormat.QDQ,
                    per_channel=True,
                    reduce_range=True,
                    extra_options={"TensorQuantOverrides": _ranges(onnx.load(str(wide)).graph)},
                    activation_type=QuantType.QUInt8,
                    weight_type=QuantType.QInt8,
                    op_types_to_quantize=list(KINDS),
                )
                model = onnx.load(str(part))
                onnx.helper.set_model_props(model, {entry.key: entry.value for entry in about} | {"numbers": "int8"})
                onnx.save(model, str(part))
        finally:
            logging.root.setLevel(level)


def _ranges(graph: Any) -> dict[str, list[dict[str, Any]]]:
    """The ranges of each convolution's weights, for ONNX Runtime's quantiser.

    Processors without VNNI add the products of two neighbouring inputs (0..255) in 16 bits, which overflows where their
    weights have a sum of more than 128. Half the range for every weight is always safe, but wastes up to 1 bit. So two
    neighbours share the whole range: neighbours by channel and by pixel, since the layout in memory is the runtime's
    choice. In a filter of a single map no inputs are paired.
    """
    from onnx import numpy_helper

    weights = {entry.name: entry for entry in graph.initializer}
    ranges: dict[str, list[dict[str, Any]]] = {}
    for node in graph.node:
        if node.op_type != "Conv" or node.input[1] not in weights:
            continue
        size = abs(numpy_helper.to_array(weights[node.input[1]]).astype(np.float64))
        filters, inputs = size.shape[:2]
        if inputs == 1:
            most = size.reshape(filters, -1).max(axis=1)
        else:
            orders = (size.reshape(filters, -1), size.transpose(0, 2, 3, 1).reshape(filters, -1))
            most = np.max([(flat[:, :-1] + flat[:, 1:]).max(axis=1) for flat in orders], axis=0)  # 128, rounded up
        ranges[node.input[1]] = [
            {"axis": 0, "reduce_range": False, "rmin": -float(m), "rmax": float(m)} for m in most.tolist()
        ]
    return ranges
