"""Training of the link head: labels from the truth, and the same weights after a kill."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import tools.train.link_head
from datasets.ground_truth.tracking import read_sequences
from datasets.simulation.detector_noise import NoiseModel
from models.errors import DataError
from models.link_head.inference import load_link_head, own_link_head
from tests.support.walking_people import folder
from tools.train.config.link_head import TrainLinksConfig
from tools.train.link_head import train_links
from tools.train.link_rollouts import roll_links
from tools.train.loop import Loop
from tracker.offline.doubt.features import DOUBTS
from tracker.offline.linking.features import FEATURES


def settings(root: Path, out: Path) -> TrainLinksConfig:
    return TrainLinksConfig((root,), out, clips=3, steps=4, doubt_steps=3, links=50, workers=1, quiet=True)


def test_a_link_is_true_where_the_next_piece_shows_the_same_person(tmp_path: Path) -> None:
    sequences = read_sequences((folder(tmp_path),))
    seen = 0
    for k in range(4):
        clip = roll_links(sequences, NoiseModel(), own_link_head(), (0, k))
        for record in clip.records:
            seen += int(record.true.sum())
            for side in (record.earlier, record.later):
                assert np.bincount(side[record.true], minlength=1).max() <= 1
            assert not record.true[~record.known].any()
    assert seen > 5


def test_resumed_training_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.train.link_head, "BATCHES", 2)
    root = folder(tmp_path / "data")
    whole = settings(root, tmp_path / "a")
    train_links(whole)
    save, calls = Loop._save, []

    def kill(self: Loop) -> None:
        save(self)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    cut = replace(whole, out=tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        with pytest.raises(KeyboardInterrupt):
            train_links(cut)
    train_links(cut)
    a, b = (load_file(tmp_path / run / "links.safetensors") for run in "ab")
    assert a.keys() == b.keys()
    assert all((a[name] == b[name]).all() for name in a)
    head = load_link_head(tmp_path / "a" / "links.safetensors")
    assert (head.features, head.doubts) == (FEATURES, DOUBTS)


def test_sequences_of_one_frame_are_refused(tmp_path: Path) -> None:
    gt = tmp_path / "short" / "gt" / "gt.txt"
    gt.parent.mkdir(parents=True)
    gt.write_text("1,1,10,10,40,100,1,1,1\n")
    (tmp_path / "short" / "seqinfo.ini").write_text("[Sequence]\nframeRate=25\nseqLength=1\n")
    with pytest.raises(DataError, match="every sequence is shorter than two frames; give longer ones"):
        train_links(settings(tmp_path, tmp_path / "out"))
