"""Training of the localiser: pairs and losses as meant, and the same weights after a kill."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import tools.train.localiser as room
import tools.train.localiser_data as data
from models.errors import ConfigError, DataError, WeightsError
from models.localiser.config import LocaliserConfig
from models.localiser.inference import LocaliserNetwork
from models.localiser.shapes import STRIDE
from models.runtime.weight_files import read_arrays
from tests.support.pattern_images import box_at, scene
from tools.train.config.localiser import TrainLocaliserConfig
from tools.train.localiser import LocaliserBatches, targets_loss, train_localiser
from tools.train.localiser_data import gather, prepare
from tools.train.loop import Loop


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(labelled images with two objects each, sequences)."""
    labelled, sequence = tmp_path / "labelled", tmp_path / "sequences" / "one"
    (labelled / "images").mkdir(parents=True)
    (sequence / "img").mkdir(parents=True)
    images, annotations, rows = [], [], []
    for k in range(3):
        boxes = [box_at(80 + 20 * k, 80), box_at(220, 150 + 5 * k)]
        cv2.imwrite(str(labelled / "images" / f"{k}.png"), scene(*boxes, thing=k))
        images.append({"id": k, "file_name": f"{k}.png", "width": 320, "height": 240})
        for box in boxes:
            at = [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]
            annotations.append({"id": len(annotations), "image_id": k, "category_id": 1, "bbox": at})
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "thing"}]}
    (labelled / "instances.json").write_text(json.dumps(content))
    for k in range(4):
        box = box_at(100 + 10 * k, 120)
        cv2.imwrite(str(sequence / "img" / f"{k}.png"), scene(box))
        rows.append(f"{box[0] + 1},{box[1] + 1},36,48\n" if k != 2 else "0,0,0,0\n")
    (sequence / "groundtruth_rect.txt").write_text("".join(rows))
    return labelled, sequence.parent


def settings(folders: tuple[Path, Path], out: Path) -> TrainLocaliserConfig:
    small = LocaliserConfig(width=8, key=4, depth=1)
    return TrainLocaliserConfig((folders[0],), out, (folders[1],), crops=2, steps=4, batch=4, quiet=True, model=small)


def test_crops_are_pairs_of_one_object_and_are_made_once(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(folders, tmp_path / "out")
    config.out.mkdir()
    sources = gather(config)
    assert len(sources) == 6 + 3  # a frame without a box shows no object
    crops = prepare(config, sources)
    assert len(crops.xyxy) == 18
    fine, coarse = crops.take(np.arange(3))
    assert fine.shape == (3, 40, 32, 32)
    assert coarse.shape == (3, 112, 16, 16)
    monkeypatch.setattr(data, "FrozenMaps", None)  # a second run would need it
    again = prepare(config, sources)
    np.testing.assert_array_equal(crops.xyxy, again.xyxy)
    pairs = LocaliserBatches(crops, config)
    absent = beside = 0
    for step in range(40):
        *maps, drawn, template, search, box, same = pairs(step)
        assert len(maps[0]) == 3 * len(drawn) == 6
        assert same[:4].all()
        assert (template[:4] == search[:4] // 2).all()
        assert not box.isnan().any()
        absent += int((~same).sum())
        beside += int((same & (template != search // 2)).sum())
    assert absent > 5
    assert beside > 0  # a template's object in the crop of its neighbour
    for one, two in zip(pairs(3), pairs(3), strict=True):
        assert torch.equal(one, two)


def test_an_object_is_found_in_the_crops_of_its_neighbours(folders: tuple[Path, Path], tmp_path: Path) -> None:
    config = replace(settings(folders, tmp_path / "out"), crops=6)
    config.out.mkdir()
    crops = prepare(config, gather(config))
    rows = np.flatnonzero(crops.frame < 0)
    neighbour = crops.first[rows] + 1 - (crops.group[rows] - crops.first[rows])
    assert (neighbour // 2 == crops.group[rows] // 2).all()
    boxes = crops.find(rows, neighbour)
    seen = ~np.isnan(boxes).any(axis=1)
    assert 0 < seen.sum() < len(rows)
    assert (np.abs(boxes - crops.xyxy[rows]).max(axis=1)[seen] > 10).all()
    assert np.isnan(crops.find(rows, crops.group[rows] + 2)).all()


def test_loss_is_least_where_score_and_box_are_right() -> None:
    box = torch.tensor([[100.0, 80, 180, 140], [30, 40, 60, 100]])
    at = (torch.arange(16) + 0.5) * STRIDE
    left, top, right, bottom = (v[:, None, None] for v in box.T)
    x, y = at[None, None, :], at[None, :, None]
    ones = torch.ones(2, 16, 16)
    distance = torch.stack([(x - left) * ones, (y - top) * ones, (right - x) * ones, (bottom - y) * ones], dim=1)
    right_box = (distance.clamp(min=0.5) / STRIDE).log()
    inside = (distance.amin(dim=1) > 0).float()
    good = targets_loss(20 * inside - 10, right_box, box, torch.tensor([True, True]))
    assert float(good["box"]) == pytest.approx(0, abs=0.02)
    assert float(good["score"]) == pytest.approx(0, abs=0.02)
    assert float(targets_loss(20 * inside - 10, right_box + 0.3, box, torch.tensor([True, True]))["box"]) > 0.3
    assert float(targets_loss(-20 * inside + 10, right_box, box, torch.tensor([True, True]))["score"]) > 1
    alike = 20 * inside - 10
    assert float(good["rank"]) == pytest.approx(0, abs=0.02)
    alike[:, 14:, 14:] = 10
    assert float(targets_loss(alike, right_box, box, torch.tensor([True, True]))["rank"]) > 0.3
    assert float(targets_loss(alike, right_box, box, torch.tensor([False, False]))["rank"]) == 0
    absent = targets_loss(20 * inside - 10, right_box, box, torch.tensor([True, False]))
    assert float(absent["score"]) > 1
    assert float(absent["box"]) == pytest.approx(0, abs=0.02)


def test_resumed_training_gives_the_same_network(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "CHECKPOINT_STEPS", 2)
    whole = settings(folders, tmp_path / "a")
    train_localiser(whole)
    save, cut = Loop._save, replace(whole, out=tmp_path / "b")

    def kill(self: Loop) -> None:
        save(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        with pytest.raises(KeyboardInterrupt):
            train_localiser(cut)
    train_localiser(cut)
    rng = np.random.default_rng(0)
    fine = rng.standard_normal((1, 40, 32, 32), dtype=np.float32)
    coarse = rng.standard_normal((1, 112, 16, 16), dtype=np.float32)
    one, two = (LocaliserNetwork(1, "cpu", tmp_path / name) for name in "ab")
    np.testing.assert_array_equal(one.maps(fine, coarse), two.maps(fine, coarse))
    with pytest.raises(ConfigError, match="is of a training with --learning-rate"):
        train_localiser(replace(whole, learning_rate=1e-3))


def test_training_starts_from_the_weights_of_another(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = settings(folders, tmp_path / "first")
    train_localiser(first)
    begin = tmp_path / "first" / room.WEIGHTS
    seen: dict[str, torch.Tensor] = {}

    def look(self: Loop, *_: object) -> None:
        seen.update({name: value.clone() for name, value in self.model.state_dict().items()})
        raise KeyboardInterrupt

    again = replace(settings(folders, tmp_path / "again"), init_weights=begin)
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "run", look)
        with pytest.raises(KeyboardInterrupt):
            train_localiser(again)
    given, _ = read_arrays(begin, "a localiser", "")
    assert set(seen) == set(given)
    for name, value in given.items():
        np.testing.assert_array_equal(seen[name], value)
    other = LocaliserConfig(width=16, key=4, depth=1)
    with pytest.raises(WeightsError, match=r"localiser.safetensors: its array .* give a localiser.safetensors of"):
        train_localiser(replace(again, out=tmp_path / "other", model=other))


def test_an_object_that_is_a_part_of_its_neighbour_or_of_another_scale_there_is_not_paired() -> None:
    made_for = np.tile(np.float32([96, 96, 160, 160]), (5, 1))
    box = np.array(
        [[96, 96, 160, 160], [110, 100, 150, 140], [160, 96, 224, 160], [200, 96, 216, 112], [np.nan] * 4], np.float32
    )
    own = np.zeros(5, bool)
    np.testing.assert_array_equal(room._comparable(box, made_for, own), [False, False, True, False, True])
    assert room._comparable(box, made_for, ~own).all()


def test_images_without_a_usable_object_are_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    file = folders[0] / "instances.json"
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        annotation["bbox"][2:] = [4, 4]
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="no object is at least 10 pixels wide and high"):
        train_localiser(replace(settings(folders, tmp_path / "out"), sequences=()))
    with pytest.raises(ConfigError, match="there is nothing to learn from"):
        TrainLocaliserConfig(())
