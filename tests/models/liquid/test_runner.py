"""Uneven batches: batched = one by one, padded = unpadded, streamed = whole."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.errors import ConfigError, DataError
from models.liquid import Cell, LiquidRNN, make_cell, run, start

NAMES = ("cfc", "ltc", "ctrnn", "lstm-dt", "gru", "mixed-cfc", "mixed-ltc")
LENGTHS = (9, 1, 5, 0, 8)  # 8 rows would equal the units: the width at which ncps is silently wrong


def batch(rows: int = 5, far: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """x, times, mask; masked samples are NaN."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 9, 3, generator=generator, dtype=torch.float64)
    times = torch.rand(rows, 9, generator=generator, dtype=torch.float64).cumsum(1) + far
    mask = torch.arange(9)[None] < torch.tensor([LENGTHS[k % 5] for k in range(rows)])[:, None]
    return torch.where(mask[..., None], x, torch.nan), torch.where(mask, times, torch.nan), mask


def cell(name: str) -> Cell:
    torch.manual_seed(0)
    return make_cell(name, 3, 8).double()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [5, 8])
def test_batched_padded_rows_equal_single_unpadded_ones(name: str, rows: int) -> None:
    net = cell(name)
    x, times, mask = batch(rows)
    together, memory = run(net, x, times, mask)
    assert together.shape == (rows, 9, 8)
    for row in range(rows):
        length = int(mask[row].sum())
        alone, own = run(net, x[row : row + 1, :length], times[row : row + 1, :length])
        torch.testing.assert_close(together[row, :length], alone[0])
        torch.testing.assert_close(memory.h[row], own.h[0])
        torch.testing.assert_close(memory.time[row], own.time[0], equal_nan=True)
        if length:
            assert (together[row, length:] == together[row, length - 1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_samples_missing_in_the_middle_equal_a_shorter_series(name: str) -> None:
    net = cell(name)
    x, times, _ = batch()
    mask = torch.tensor([True, False, True, True, False, False, True, True, False])
    holed, _ = run(net, x[:1], times[:1], mask[None])
    short, _ = run(net, x[:1, mask], times[:1, mask])
    torch.testing.assert_close(holed[:, mask], short)


@pytest.mark.parametrize("name", NAMES)
def test_streaming_equals_one_run_over_the_whole_series(name: str) -> None:
    net = cell(name)
    x, times, mask = batch()
    whole, end = run(net, x, times, mask)
    memory, pieces = start(net, 5), []
    for a, b in ((0, 1), (1, 1), (1, 4), (4, 9)):
        piece, memory = run(net, x[:, a:b], times[:, a:b], mask[:, a:b], memory)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, 1), whole)
    torch.testing.assert_close(memory.h, end.h)
    torch.testing.assert_close(memory.time, end.time, equal_nan=True)


def test_results_do_not_depend_on_the_time_origin() -> None:
    net = cell("cfc").float()
    x, times, mask = batch()
    near, _ = run(net, x.float(), times, mask)
    far, _ = run(net, x.float(), times + 2.0**30, mask)  # a power of two, so that only float32 would lose digits
    torch.testing.assert_close(far, near, atol=1e-5, rtol=0)


def test_elapsed_time_matters_and_default_times_are_steady() -> None:
    net = cell("cfc")
    x = batch()[0][:1]
    steady = torch.arange(9, dtype=torch.float64)[None]
    torch.testing.assert_close(run(net, x, steady)[0], run(net, x)[0])
    assert not torch.allclose(run(net, x, 3 * steady)[0], run(net, x)[0])


def test_masked_samples_give_no_gradient_and_no_nan() -> None:
    net = cell("mixed-ltc")
    x, times, mask = batch()
    x = x.requires_grad_()
    out, _ = run(net, x, times, mask)
    out.square().sum().backward()
    assert x.grad is not None
    assert (x.grad[~mask] == 0).all()
    assert (x.grad[mask].abs().sum(-1) > 0).any()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", ["cfc", "ltc", "mixed-ctrnn"])
def test_forecast_is_pure_and_keeps_the_state(name: str) -> None:
    torch.manual_seed(0)
    model = LiquidRNN(3, 2, 8, cell=name, forecasts=True).double()
    x, times, _ = batch(1)
    first, memory = model.predict(x[:, :4], times[:, :4])
    assert first.shape == (1, 4, 2)
    at = memory.time[:, None] + torch.tensor([[0.0, 0.5, 2.0]], dtype=torch.float64)
    asked = model.forecast(memory, at)
    assert asked.shape == (1, 3, 2)
    torch.testing.assert_close(model.forecast(memory, at[:, 1:2])[:, 0], asked[:, 1])  # one question or many
    torch.testing.assert_close(model.forecast(memory, at), asked)  # asked twice
    assert not torch.allclose(asked[:, 1], asked[:, 2])
    rest, _ = model.predict(x[:, 4:], times[:, 4:], memory=memory)
    torch.testing.assert_close(torch.cat((first, rest), 1), model(x, times))


def test_classify_reads_each_rows_last_sample() -> None:
    torch.manual_seed(0)
    model = LiquidRNN(3, 4, 8).double()
    x, times, mask = batch()
    logits, every = model.classify(x, times, mask), model(x, times, mask)
    for row, length in enumerate(LENGTHS):
        if length:
            torch.testing.assert_close(logits[row], every[row, length - 1])


def test_model_learns_a_phase_from_uneven_times() -> None:
    """A sine seen at random times: a model with the times forecasts it, one without cannot."""
    generator = torch.Generator().manual_seed(0)
    times = torch.rand(32, 8, generator=generator, dtype=torch.float64).cumsum(1)
    phase = 6 * torch.rand(32, 1, generator=generator, dtype=torch.float64)
    x = torch.stack((torch.sin(2 * times + phase), torch.cos(2 * times + phase)), -1).float()
    at = times[:, -1:] + torch.rand(32, 4, generator=generator, dtype=torch.float64)
    y = torch.sin(2 * at + phase).float()
    losses = {}
    for told in (True, False):
        torch.manual_seed(0)
        model = LiquidRNN(2, 1, 16, forecasts=True)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(60):
            _, memory = model.predict(x, times if told else None)
            asked = at if told else memory.time[:, None].expand(-1, 4) + 0.5
            loss = (model.forecast(memory, asked)[..., 0] - y).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses[told] = float(loss.detach())
    assert losses[True] < 0.3 * losses[False]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda n, x, t, m: run(n, x[..., :2], t, m), DataError, "x has shape"),
        (lambda n, x, t, m: run(n, x, t[:, :3], m), DataError, "times has shape"),
        (lambda n, x, t, m: run(n, x, t, m[:2]), DataError, "mask has shape"),
        (lambda n, x, t, m: run(n, x, t.flip(1), m.flip(1)), DataError, "row 0, sample 1: the time goes back by"),
        (lambda n, x, t, m: run(n, x, t), DataError, "row 1, sample 1: the time is nan"),
        (lambda n, x, t, m: run(n, x, t, m, start(n, 2)), DataError, "the memory has 2 rows"),
        (lambda n, x, t, m: LiquidRNN(3, 1).forecast(start(n, 1), t[:1]), ConfigError, "forecasts=True"),
        (lambda n, x, t, m: LiquidRNN(3, 1, forecasts=True).forecast(start(n, 1), t[:1]), DataError, "before its last"),
    ],
)
def test_invalid_run_inputs_are_refused(call: object, error: type[Exception], said: str) -> None:
    net = cell("cfc")
    x, times, mask = batch()
    with pytest.raises(error, match=said):
        call(net, x, times, mask)  # type: ignore[operator]
