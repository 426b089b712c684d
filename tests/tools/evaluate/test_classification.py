"""`eval classification`: images from a folder or a zip, their accuracy, and errors."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.ground_truth.classification import ClassifiedImages
from models.errors import ConfigError, DataError, LiquidTrackError
from tests.support.onnx_nets import write_net
from tools.cli.main import main
from tools.evaluate import classification as eval_recognition
from tools.evaluate.classification import centre, evaluate
from tools.evaluate.config.classification import EvalRecognitionConfig

WNIDS = ("n01440764", "n01443537", "n01484850")
TABLE = "index\twnid\tname\n" + "".join(f"{k}\t{wnid}\tfish {k}\n" for k, wnid in enumerate(WNIDS))


def picture(seed: int = 0, size: tuple[int, int] = (224, 224)) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)


def make_folder(folder: Path, kind: str = "images") -> Path:
    """Three classes, two images each: by folder's name, by their own, in a zip or beside the table."""
    folder.mkdir(parents=True)
    (folder / "labels.tsv").write_text(TABLE)
    root = folder if kind == "beside" else folder / "images"
    for k, wnid in enumerate(WNIDS):
        (root / wnid).mkdir(parents=True)
        cv2.imwrite(str(root / f"{wnid}/a.png"), picture(k))
        cv2.imwrite(str(root / f"{wnid}_12.png"), picture(10 + k))
    if kind == "zip":
        with zipfile.ZipFile(folder / "images.zip", "w") as archive:
            for path in sorted(root.rglob("*.png")):
                archive.write(path, path.relative_to(root))
        for path in root.rglob("*.png"):
            path.unlink()
    return folder


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replaces the frozen CNN by one that ranks classes 1, 0, 2, 3, 4, 5 for every image; returns its inputs."""
    from models.runtime.session import Session

    scores = np.zeros((1, 1000), np.float32)
    scores[0, [1, 0, 2, 3, 4, 5]] = 9, 8, 7, 6, 5, 4
    session = Session(
        write_net(tmp_path / "n.onnx", {"image": ((None, 3, None, None), np.float32)}, {"output": scores})
    )
    seen = []
    run = session.run
    monkeypatch.setattr(session, "run", lambda feeds: seen.append(feeds["image"]) or run(feeds))
    monkeypatch.setattr(eval_recognition, "open_network", lambda *_: session)
    return seen


def config(folder: Path, **options: Any) -> EvalRecognitionConfig:
    return EvalRecognitionConfig(folder, device="cpu", threads=1, quiet=True, **options)


@pytest.mark.parametrize("kind", ["images", "zip", "beside"])
def test_every_image_counts_once_for_its_class(kind: str, network: Any, tmp_path: Path) -> None:
    result = evaluate(config(make_folder(tmp_path / "set", kind)))
    assert result.pictures == 6
    assert result.top1 == pytest.approx(2 / 6)
    assert result.top5 == 1
    assert {m.truth for m in result.mistakes} == {"fish 0", "fish 2"}
    assert result.mistakes[0].answer == ("fish 1", "fish 0", "fish 2", "class 3", "class 4")
    wanted = (picture(0)[:, :, ::-1].transpose(2, 0, 1).astype(np.float32) - 127) / 128
    np.testing.assert_allclose(network[0][0], wanted, atol=1e-5)  # n01440764/a.png, untouched


def test_top_five_accuracy_counts_the_first_five_classes(network: Any, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    (folder / "labels.tsv").write_text(TABLE.replace("2\tn01484850", "5\tn01484850"))
    result = evaluate(config(folder))
    assert result.top5 == pytest.approx(4 / 6)  # class 5 is the network's sixth answer


def test_every_and_limit_select_images(network: Any, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set")
    assert evaluate(config(folder, every=4)).pictures == 2
    assert evaluate(config(folder, every=2, limit=2)).pictures == 2
    assert evaluate(config(folder, limit=1)).mistakes[0].picture == "n01440764/a.png"


def test_larger_images_are_centre_cropped() -> None:
    whole = picture()
    assert centre(whole, 224) is whole
    # 224 of 256, as ImageNet is scored: only the middle square's content may show
    wide = np.zeros((256, 400, 3), np.uint8)
    wide[16:240, 88:312] = 200
    np.testing.assert_array_equal(centre(wide, 224), 200)
    wide[16, 88:312] = 90
    assert (centre(wide, 224)[0] == 90).all()
    for size in ((31, 640), (5, 5), (224, 225), (1, 1)):
        assert centre(picture(1, size), 224).shape == (224, 224, 3)


def test_the_command_prints_a_table_and_writes_json(
    network: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_folder(tmp_path / "set")
    assert main(["eval", "classification", str(folder), "--json", str(tmp_path / "out.json"), "--quiet"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["pictures", "top-1", "top-5"]
    assert row.split() == ["efficientnet_lite0", "6", "0.333", "1.000"]
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["top1"] == pytest.approx(2 / 6)
    assert len(content["mistakes"]) == 4


def _remove(folder: Path, name: str) -> None:
    for path in sorted(folder.rglob(name)):
        path.unlink()


def _write(name: str, content: bytes) -> Any:
    return lambda folder: (folder / name).write_bytes(content)


SPOILED: dict[str, tuple[Any, tuple[str, ...], str]] = {
    "no table": (lambda f: _remove(f, "labels.tsv"), (), "holds no labels.tsv; it names each class"),
    "no pictures": (lambda f: _remove(f, "*.png"), (), "images: holds no pictures"),
    "no zip": (_write("images.zip", b"no zip"), (), "images.zip: not a zip that can be read"),
    "broken picture": (_write("images/n01440764/a.png", b"nothing"), (), "a.png: not a picture"),
    "stranger": (
        _write("images/cat.png", b"x"),
        (),
        "cat.png: neither its folder nor its name is a class of labels.tsv",
    ),
    "header": (_write("labels.tsv", b"wnid,name\n"), (), "labels.tsv does not begin with the line index wnid name"),
    "empty table": (_write("labels.tsv", b""), (), "labels.tsv does not begin with the line"),
    "no class": (_write("labels.tsv", b"index\twnid\tname\n"), (), "labels.tsv names no class"),
    "two fields": (_write("labels.tsv", b"index\twnid\tname\n0\tn01440764\n"), (), "labels.tsv line 2: a class has"),
    "twice": (_write("labels.tsv", (TABLE + "2\tn99\tx\n").encode()), (), "labels.tsv line 5: a class has"),
    "negative": (_write("labels.tsv", b"index\twnid\tname\n-1\tn01440764\tx\n"), (), "labels.tsv line 2: a class has"),
    "beyond": (_write("labels.tsv", TABLE.replace("\n0\t", "\n1000\t").encode()), (), "class 1000 is beyond the 1000"),
    "every": (None, ("--every", "0"), "every is 0; give 1 to 1000000"),
    "limit": (None, ("--limit", "-1"), "limit is -1; give 1 or more"),
    "threads": (None, ("--threads", "-1"), "threads is -1"),
    "network": (None, ("--backbone", "vgg"), "there is no frozen CNN 'vgg'"),
    "output": (None, ("--json", "/dev/null/out.json"), "a file where a folder is due"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_mistakes_are_one_sentence(name: str, network: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, words, said = SPOILED[name]
    folder = make_folder(tmp_path / "set")
    if spoil is not None:
        spoil(folder)
    assert main(["eval", "classification", str(folder), "--quiet", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("liquidtrack: ")
    assert said in line


def test_missing_weights_and_a_missing_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    folder = make_folder(tmp_path / "set")
    words = ["eval", "classification", str(folder), "--quiet", "--backbone-weights"]
    (tmp_path / "text.pth").write_text("hello")
    for weights, said in (("none.pth", "there is no such weights file"), ("text.pth", "not a file of torch weights")):
        assert main([*words, str(tmp_path / weights)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert f"{weights}: {said}" in line
    assert main(["eval", "classification", str(tmp_path / "nowhere")]) == 2
    assert "nowhere: there is no such folder; name one that holds labels.tsv" in capsys.readouterr().err


def test_damaged_zip_member_is_reported(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "set", "zip")
    data = bytearray((folder / "images.zip").read_bytes())
    data[200:400] = bytes(200)
    (folder / "images.zip").write_bytes(data)
    with contextlib.closing(ClassifiedImages(folder)) as pictures:
        with pytest.raises(LiquidTrackError, match=r"this picture cannot be unpacked|not a picture"):
            pictures.read(pictures.pictures[0])
        assert pictures.read(pictures.pictures[-1]).shape == (224, 224, 3)


@given(st.binary(max_size=80) | st.text(alphabet="indexwnidname\t\n 0123456789n", max_size=80).map(str.encode))
@settings(max_examples=150, deadline=None)
def test_arbitrary_class_tables_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    if not folder.exists():
        make_folder(folder)
    (folder / "labels.tsv").write_bytes(data)
    with contextlib.suppress(ConfigError, DataError):
        ClassifiedImages(folder).close()


def test_real_dataset_is_read_completely(shared: Path) -> None:
    with contextlib.closing(ClassifiedImages(shared / "data/imagenet")) as data:
        assert len(data.pictures) == len(data.names) == 1000
        assert sorted(one.label for one in data.pictures) == list(range(1000))
        assert data.read(data.pictures[500]).shape == (224, 224, 3)
