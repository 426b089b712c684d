"""Several records as one batch: every number still points at what it pointed at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from datasets.simulation.detector_noise import NoiseModel  # noqa: E402
from models.association_head.config import HeadConfig  # noqa: E402
from models.association_head.inference import HeadNumpy  # noqa: E402
from models.association_head.model import AssociationHead  # noqa: E402
from tests.support.walking_people import walkers  # noqa: E402
from tools.train.rollout_batch import collate  # noqa: E402
from tools.train.rollouts import Record, roll_one  # noqa: E402
from tracker.learned.pair_features import FEATURES, INPUTS  # noqa: E402


@pytest.fixture(scope="module")
def records() -> list[Record]:
    config = HeadConfig(cell="none")
    torch.manual_seed(0)
    weights = {n: v.numpy() for n, v in AssociationHead(INPUTS, FEATURES, config).state_dict().items()}
    return [roll_one([walkers(60, 4)], NoiseModel(), HeadNumpy(weights, config), (seed,)) for seed in (1, 2)]


def test_batch_renumbers_the_ids_of_each_record(records: list[Record]) -> None:
    batch = collate(records)
    tracks = rows = columns = pairs = 0
    for record in records:
        ids = np.unique(record.track)
        for number, one in enumerate(ids.tolist(), tracks):
            mine = record.track == one
            start = int(batch.empty[number])
            assert not batch.inputs[number, :start].any()
            np.testing.assert_array_equal(batch.inputs[number, start:], record.inputs[mine].astype(np.float32))
            np.testing.assert_array_equal(batch.waits[number, start:], record.wait[mine])
        row = slice(rows, rows + len(record.row_track))
        assert [ids[k] for k in (batch.row_track[row] - tracks).tolist()] == record.row_track.tolist()
        events = batch.row_events[row] - batch.empty[batch.row_track[row]]
        assert events.tolist() == record.row_events.tolist()
        pair = slice(pairs, pairs + len(record.row))
        assert (batch.row[pair] - rows).tolist() == record.row.tolist()
        assert (batch.column[pair] - columns).tolist() == record.column.tolist()
        np.testing.assert_array_equal(batch.features[pair], record.features.astype(np.float32))
        tracks, rows, columns, pairs = tracks + len(ids), row.stop, columns + record.columns, pair.stop
    assert (tracks, rows, pairs) == (len(batch.inputs), len(batch.row_track), len(batch.row))
    frames = [batch.frame[: len(records[0].row)], batch.frame[len(records[0].row) :]]
    assert frames[0].max() < frames[1].min()


def test_records_without_rows_add_nothing_to_the_batch(records: list[Record]) -> None:
    empty = replace(records[0], row_track=np.zeros(0, np.int64))
    alone, beside = collate(records[1:]), collate([empty, records[1]])
    for name in Record.__slots__:
        if hasattr(alone, name):
            assert torch.equal(getattr(alone, name), getattr(beside, name))
    assert torch.equal(alone.inputs, beside.inputs)
