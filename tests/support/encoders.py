"""A small video in every container and codec that PyAV writes."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.support.striped_video import encode, stripes

CIF = (176, 144)  # the size that H.261 and H.263 know
CODECS = {  # by container
    ".mkv": "ffv1 jpeg2000 libsvtav1 libvpx libx264 libx265 mpeg2video msmpeg4 prores rawvideo snow",
    ".mov": "cfhd cinepak gif h263 magicyuv png qtrle rpza sgi svq1 targa tiff v210 v308 v408 v410 y41p",
    ".mp4": "libsvtav1 libvpx-vp9 libx264 libx265 mpeg1video mpeg4 png",
    ".avi": "amv asv1 asv2 cljr ffvhuff flashsv flv h261 huffyuv jpegls libx264 mpeg4 msmpeg4v2 msvideo1 speedhq"
    " utvideo wmv1 wmv2 zlib",
    ".nut": "h263p libx264 mpeg4",
    ".ts": "libx264 libx265 mpeg2video mpeg4",
    ".mpg": "mpeg1video mpeg2video",
    ".flv": "flashsv2 flv libx264",
    ".webm": "libvpx libvpx-vp9",
    ".mxf": "libx264 mpeg2video prores_ks",
    ".asf": "msmpeg4v2 wmv2",
    ".rm": "rv10 rv20",
    ".3gp": "h263",
    ".ogv": "libvpx",
    ".ivf": "libvpx-vp9",
    ".gif": "gif",
    ".apng": "apng",
    ".roq": "roqvideo",
    ".swf": "flv",
    ".h261": "h261",
    ".m2v": "mpeg2video",
    ".h264": "libx264",
}
PAIRS = [(suffix, codec) for suffix, codecs in CODECS.items() for codec in codecs.split()]
FORMATS = {".mpg": "mpeg", ".ogv": "ogg", ".m2v": "mpeg2video"}


def written(folder: Path, suffix: str, codec: str) -> Path:
    """A clip of eight images, or a skipped test where this PyAV cannot write it."""
    try:
        known = av.Codec(codec, "w").video_formats or []
    except ValueError:
        pytest.skip(f"this PyAV has no encoder {codec}")
    formats = [form.name for form in known]
    size = CIF if codec in ("h261", "h263") else (64, 48)
    try:
        return encode(
            folder / f"a{suffix}",
            range(8),
            codec,
            Fraction(1, 25),
            {"preset": "12"} if codec == "libsvtav1" else {},
            [stripes(k, size) for k in range(8)],
            "yuv420p" if "yuv420p" in formats or not formats else formats[0],
            container=FORMATS.get(suffix),
        )
    finally:
        # SVT-AV1, run by root, leaves its caller in real time, before everything else on the machine, and so all
        # processes that this one starts later: a browser then starves the server that it waits for.
        if codec == "libsvtav1" and hasattr(os, "sched_setscheduler"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
