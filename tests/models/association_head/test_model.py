"""The head: one definition in torch, the same numbers in NumPy, and weights that nothing can slip into."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from models.association_head.config import CELLS, HeadConfig
from models.association_head.inference import HeadNumpy, load_head, save_head
from models.association_head.model import AssociationHead
from models.errors import WeightsError

INPUTS, FEATURES = 24, 45


def trained(cell: str, slowing: float = HeadConfig().slowing) -> tuple[AssociationHead, HeadNumpy]:
    """A head without zero weights."""
    torch.manual_seed(0)
    model = AssociationHead(INPUTS, FEATURES, HeadConfig(cell=cell, slowing=slowing))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model, HeadNumpy({n: v.numpy() for n, v in model.state_dict().items()}, model.config)


@pytest.mark.parametrize(("cell", "slowing"), [*((cell, 0.3) for cell in CELLS), ("cfc", 0.0)])
def test_numpy_inference_equals_torch(cell: str, slowing: float) -> None:
    model, plain = trained(cell, slowing)
    x, h, dt = (
        torch.randn(9, INPUTS),
        torch.rand(9, model.config.state) - 0.5,
        torch.tensor([0, 0.01, 0.1, 0.5, 1, 2, 5, 60, 1e7]),
    )
    with torch.no_grad():
        state = model.step(x, h, dt)
        answer = model.query(state, dt)
        np.testing.assert_allclose(plain.step(x.numpy(), h.numpy(), dt.numpy()), state, atol=1e-5)
        code, readout = plain.query(state.numpy(), dt.numpy())
        np.testing.assert_allclose(code, answer.code, atol=1e-5)
        np.testing.assert_allclose(readout, answer.readout, atol=1e-5)
        row, column = torch.arange(45) % 9, torch.arange(45) // 9
        features, gap, base = torch.randn(45, FEATURES), torch.randn(45, 2), 5 * torch.randn(45)
        odds = model.logits(features, base, gap, answer.code[row], (row, column, torch.zeros(45, dtype=torch.int64)))
        same = plain.logits(features.numpy(), base.numpy(), gap.numpy(), code, (row.numpy(), column.numpy()))
        np.testing.assert_allclose(same, odds, atol=1e-4)


def test_slowing_affects_late_queries_only() -> None:
    plain, slow = trained("none", 0.0)[1], trained("none", 0.5)[1]
    h = np.ones((1, plain.config.state), np.float32)

    def code(head: HeadNumpy, elapsed: float) -> np.ndarray:
        return head.query(h, np.array([elapsed], np.float32))[0]

    np.testing.assert_array_equal(code(slow, 0.0), code(plain, 0.0))
    np.testing.assert_allclose(code(slow, 0.02), code(plain, 0.02), atol=1e-3)
    np.testing.assert_allclose(code(slow, 5.0), code(plain, 0.5 * np.log(11.0)), atol=1e-6)


def test_horizon_shifts_the_gates_of_every_wiring_layer() -> None:
    plain, spread = (AssociationHead(INPUTS, FEATURES, HeadConfig("cfc", horizon=h)).state_dict() for h in (0.0, 3.0))
    changed = {name for name, value in plain.items() if not torch.equal(value, spread[name])}
    assert {name for name in changed if name.startswith("cell.")} == {
        f"cell.blocks.{k}.{part}" for k in range(3) for part in ("weight", "bias")
    }


def test_batched_frames_do_not_exchange_messages() -> None:
    model, plain = trained("cfc")
    rng = np.random.default_rng(0)
    parts = [(n, rng.normal(size=(n, FEATURES)), rng.normal(size=(n, 2)), rng.normal(size=n)) for n in (1, 4, 7)]
    code = rng.normal(size=(3, 20)).astype(np.float32)
    row = torch.cat([torch.full((n,), k) for k, (n, *_) in enumerate(parts)])
    column = torch.arange(12)
    features, gap, base = (torch.tensor(np.concatenate([p[i] for p in parts]), dtype=torch.float32) for i in (1, 2, 3))
    with torch.no_grad():
        odds = model.logits(features, base, gap, torch.from_numpy(code)[row], (row, column, row)).numpy()
    start = 0
    for k, (n, f, g, b) in enumerate(parts):
        f, g, b = (a.astype(np.float32) for a in (f, g, b))
        alone = plain.logits(f, b, g, code[k : k + 1], (np.zeros(n, np.int64), np.arange(n)))
        np.testing.assert_allclose(odds[start : start + n], alone, atol=1e-4)
        start += n


def test_untrained_head_makes_no_correction() -> None:
    model = AssociationHead(INPUTS, FEATURES, HeadConfig())
    plain = HeadNumpy({n: v.numpy() for n, v in model.state_dict().items()}, model.config)
    rng = np.random.default_rng(0)
    code, readout = plain.query(rng.normal(size=(5, 48)).astype(np.float32), np.linspace(0, 3, 5, dtype=np.float32))
    base = rng.normal(size=5).astype(np.float32)
    odds = plain.logits(
        rng.normal(size=(5, FEATURES)).astype(np.float32), base, np.zeros((5, 2), np.float32), code,
        (np.arange(5), np.zeros(5, np.int64)),
    )  # fmt: skip
    assert (readout == 0).all()
    np.testing.assert_array_equal(odds, base)


@pytest.mark.parametrize("cell", CELLS)
def test_head_has_few_parameters(cell: str) -> None:
    config = HeadConfig() if cell == HeadConfig().cell else HeadConfig(cell=cell, units=32)
    assert sum(p.numel() for p in AssociationHead(INPUTS, FEATURES, config).parameters()) < 30_000


def test_head_weights_round_trip_through_their_file(tmp_path: Path) -> None:
    model, plain = trained("cfc")
    weights = {n: v.numpy() for n, v in model.state_dict().items()}
    save_head(tmp_path / "head.safetensors", weights, plain.config, {"data": "none"})
    head = load_head(tmp_path / "head.safetensors")
    assert head.config == plain.config
    h = np.ones((2, plain.config.state), np.float32)
    same = HeadNumpy(weights, plain.config)
    np.testing.assert_array_equal(head.query(h, np.ones(2, np.float32))[0], same.query(h, np.ones(2, np.float32))[0])


def test_invalid_head_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    with pytest.raises(WeightsError, match=r"cannot be read"):
        load_head(path)
    path.write_bytes(b"not at all")
    with pytest.raises(WeightsError, match=r"cannot be read"):
        load_head(path)
    save_file({"a": np.zeros(3, np.float32)}, path)
    with pytest.raises(WeightsError, match=r"is no liquidtrack-head"):
        load_head(path)
    weights = {n: v.numpy() for n, v in trained("cfc")[0].state_dict().items()}
    save_head(path, weights, HeadConfig(), {})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"checksum"):
        load_head(path)
    assert load_file(path)
