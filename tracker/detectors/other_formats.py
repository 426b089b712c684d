"""Network files of other programs: how to export them to ONNX, the only format that is run."""

from __future__ import annotations

from pathlib import Path

# the program that writes such files, by suffix; each of them exports ONNX
PROGRAMS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt", ".torchscript", ".safetensors"), "PyTorch"),
    **dict.fromkeys((".engine", ".trt", ".plan"), "TensorRT"),
    **dict.fromkeys((".pb", ".h5", ".keras", ".tflite"), "TensorFlow"),
    **dict.fromkeys((".mlmodel", ".mlpackage"), "Core ML"),
    **dict.fromkeys((".weights", ".caffemodel", ".pdmodel", ".rknn"), "another framework"),
}


def how_to_export(path: Path) -> str:
    """One sentence on how to export a network file to ONNX; "" where the suffix is unknown."""
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
