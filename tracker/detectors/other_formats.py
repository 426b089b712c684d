"""Networks in the files of other programs: what to do with them, since ONNX is the one form that is run."""

from __future__ import annotations

from pathlib import Path

# by suffix, who writes such files; all of them can be brought to ONNX from there
PROGRAMS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".torchscript", ".safetensors"), "PyTorch"),
    **dict.fromkeys((".engine", ".trt", ".plan"), "TensorRT"),
    **dict.fromkeys((".pb", ".h5", ".keras", ".tflite"), "TensorFlow"),
    **dict.fromkeys((".mlmodel", ".mlpackage"), "Core ML"),
    **dict.fromkeys((".weights", ".caffemodel", ".pdmodel", ".rknn"), "another framework"),
}


def how_to_export(path: Path) -> str:
    """What to do with a network that is no ONNX file, one sentence; "" where the name is of no such file."""
    program = PROGRAMS.get(path.suffix.lower())
    if program is None:
        return ""
    made = path.with_suffix(".onnx").name
    if path.suffix.lower() == ".pt":
        return (
            f"{path}: is a network of PyTorch, which liquidtrack does not run; export it once to ONNX, where "
            f"Ultralytics made it with `yolo export model={path.name} format=onnx`, and give --detector {made}."
        )
    return f"{path}: is a network of {program}; export it to ONNX from where it was made, and give --detector {made}."
