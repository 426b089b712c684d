"""Make docs/images/annotation*.webp: the page of `liquidtrack annotate` on a rendered scene, as a browser shows it.

Run `python docs/scripts/annotation_pictures.py docs/images`; it needs Chromium and the extra `dev`. The scene's frames
have uneven times. A simulated detector misses objects and moves boxes; the tracker follows what it found.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from datasets.scenes import DetectorNoise, parse, render
from datasets.scenes.export import detect, write_video
from tests.support.annotation_page import AnnotationPage, Server

SCENE = "scene:3?people=9&vehicles=2&profile=full&rate=15&duration=20&lookalikes=0.4&occluders=3"
SIZE = {"width": 1440, "height": 810}
QUALITY = 72


def film(folder: Path) -> tuple[Path, Path]:
    """(video, detections) of the scene."""
    scene = parse(SCENE)
    video, found = folder / "market.mp4", folder / "market.txt"
    write_video(scene, video)
    lines = []
    for frame, truth in render(scene):
        seen = detect(scene, truth, frame.index, DetectorNoise())
        for (left, top, right, bottom), score in zip(seen.xyxy.tolist(), seen.score.tolist(), strict=True):
            box = f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
            lines.append(f"{frame.index + 1},-1,{box},{score:.3f},-1,-1,-1")
    found.write_text("\n".join(lines) + "\n")
    return video, found


def loaded(page: AnnotationPage) -> None:
    """Waits for the small pictures."""
    page.wait("document.querySelectorAll('.chip[data-address]:empty').length === 0")
    page.tab.wait_for_timeout(3000)  # the thumbnails on the timeline, which no element tells about


def save(page: AnnotationPage, path: Path) -> None:
    """What the window shows, as a WebP."""
    data = page.tab.screenshot()
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    print(f"{path}: {image.shape[1]} x {image.shape[0]}, {path.stat().st_size} bytes")


def main(out: Path) -> None:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        video, found = film(folder)
        server = Server(video, None, "--detector", f"file:{found}", cache=folder / "cache").start()
        browser: Any = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            page = AnnotationPage(browser.new_page(viewport=SIZE, color_scheme="light")).open(server.address)
            page.wait("state.jobs.size === 0 && state.tracks.size > 3 && state.remaining !== null", seconds=600)
            page.tab.locator(".toast").first.wait_for(state="detached")
            page.seek(page.ask("Math.round(state.times.length / 2)"))
            page.press("Tab")
            page.tab.get_by_role("tab", name="Track").click()
            loaded(page)
            save(page, out / "annotation.webp")
            page.tab.emulate_media(color_scheme="dark")
            page.tab.keyboard.press("n")
            page.wait("state.playing")
            page.tab.keyboard.press("Space")
            page.seek(page.ask("state.question.frame"))
            loaded(page)
            save(page, out / "annotation-question.webp")
        finally:
            browser.close()
            server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
