"""Overlays of the window: help, notes, the status line, and the banner of a dead stream."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from tools.display.annotate import DARK, FONT, WHITE, Colour
from tracker.types import UInt8

AMBER: Colour = (60, 180, 255)
DIM = 0.35  # brightness factor of an image that is out of date
MIN_SCALE = 0.4  # smallest readable size of letters


def panel(picture: UInt8, rows: Sequence[tuple[str, ...]], centred: bool, lift: int = 0) -> int:
    """Draw rows of one or two columns of text on a dark background, centred or at the lower edge, scaled to fit.

    Args:
        lift: distance from the lower edge in pixels.

    Returns:
        its height in pixels.
    """
    height, width = picture.shape[:2]
    scale = max(0.45, height / 1000)
    while True:
        weight = max(1, round(scale * 1.2))
        sizes = [[cv2.getTextSize(part, FONT, scale, weight)[0] for part in row] for row in rows]
        columns = [max((size[i][0] for size in sizes if len(size) > i), default=0) for i in range(2)]
        line = round(sizes[0][0][1] * 2)
        gap = line if columns[1] else 0
        wide, high = sum(columns) + gap + 2 * line, line * len(rows) + line // 2
        if (wide <= width and high <= height) or scale < MIN_SCALE:
            break
        scale *= 0.9
    left, top = ((width - wide) // 2, (height - high) // 2) if centred else (0, height - high - lift)
    left, top = max(left, 0), max(top, 0)
    _darken(picture[top : top + high, left : left + wide])
    for at, row in enumerate(rows):
        base = top + line * (at + 1)
        for x, part in zip((left + line, left + line + columns[0] + gap), row, strict=False):
            cv2.putText(picture, part, (x, base), FONT, scale, WHITE, weight, cv2.LINE_AA)
    return high


def status_line(picture: UInt8, parts: Sequence[str], alarm: bool = False) -> None:
    """Draw a line of short facts in the upper right corner; the last ones are dropped first where space is short."""
    height, width = picture.shape[:2]
    scale = max(0.4, (width * height * 9 / 16) ** 0.5 / 1200)
    weight = max(1, round(scale * 1.2))
    kept = [part for part in parts if part]
    while kept:
        text = "   ".join(kept)
        (wide, ascent), descent = cv2.getTextSize(text, FONT, scale, weight)
        pad = max(3, round(ascent * 0.4))
        if wide + 2 * pad <= 0.75 * width or len(kept) == 1:
            break
        kept.pop()
    else:
        return
    left = max(width - wide - 2 * pad, 0)
    _darken(picture[: ascent + descent + pad, left:])
    ink = AMBER if alarm else WHITE
    cv2.putText(picture, text, (left + pad, ascent + pad // 2), FONT, scale, ink, weight, cv2.LINE_AA)


def banner(picture: UInt8, headline: str, line: str) -> None:
    """Dim the image and write across it why it is frozen."""
    height, width = picture.shape[:2]
    np.copyto(picture, cv2.convertScaleAbs(picture, alpha=DIM))
    texts = [(headline, 1.0, AMBER), *([(line, 0.6, WHITE)] if line else [])]
    placed = []
    for text, part, ink in texts:
        scale = max(0.5, height / 500) * part
        while True:
            weight = max(1, round(scale * 1.5))
            (wide, ascent), descent = cv2.getTextSize(text, FONT, scale, weight)
            if wide <= 0.92 * width or scale < MIN_SCALE:
                break
            scale *= 0.9
        while wide > 0.96 * width and len(text) > 8:  # a window of this size fits only the beginning
            text = f"{text[:-6]}..." if text.endswith("...") else f"{text[:-3]}..."
            (wide, ascent), descent = cv2.getTextSize(text, FONT, scale, weight)
        placed.append((text, scale, weight, ink, wide, ascent, descent))
    gap = max(4, round(placed[0][5] * 0.7))
    high = sum(p[5] + p[6] for p in placed) + gap * (len(placed) + 1)
    top = max((height - high) // 2, 0)
    _darken(picture[top : top + high])
    y = top + gap
    for text, scale, weight, ink, wide, ascent, descent in placed:
        cv2.putText(picture, text, ((width - wide) // 2, y + ascent), FONT, scale, ink, weight, cv2.LINE_AA)
        y += ascent + descent + gap


def _darken(ground: UInt8) -> None:
    if ground.size:
        ground[:] = cv2.addWeighted(ground, 0.2, np.full_like(ground, DARK), 0.8, 0)


def heading(ground: UInt8, left: str, right: str, alarm: bool = False) -> None:
    """Fill a low, wide part of an image with one text at each end; the left one is cut where both do not fit."""
    height, width = ground.shape[:2]
    ground[:] = DARK
    scale = height / 44
    weight = max(1, round(scale * 1.5))
    pad = height // 4

    def measure(text: str) -> int:
        return cv2.getTextSize(text, FONT, scale, weight)[0][0]

    wide = measure(right) if right else 0
    while len(left) > 4 and measure(left) + wide + 3 * pad > width:
        left = f"{left[:-5]}..." if left.endswith("...") else f"{left[:-4]}..."
    base = round(height * 0.68)
    cv2.putText(ground, left, (pad, base), FONT, scale, WHITE, weight, cv2.LINE_AA)
    ink = AMBER if alarm else (170, 170, 170)
    cv2.putText(ground, right, (max(width - wide - pad, pad), base), FONT, scale, ink, weight, cv2.LINE_AA)
