"""The liquid cells' own solvers against torchdiffeq's dopri5, and against the authors' cells (ncps) at batch 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.liquid import CTRNN, LTC, CfC, MixedMemory, Wiring, auto_ncp, dense
from models.liquid.cell import unsoftplus

F64 = torch.float64


def twins(solver: str, unfolds: int) -> LTC:
    torch.manual_seed(0)
    return LTC(3, 8, solver=solver, unfolds=unfolds).double()  # type: ignore[arg-type]


def given() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, 3, generator=generator, dtype=F64)
    h = torch.randn(5, 8, generator=generator, dtype=F64) / 2
    return x, h, torch.tensor([0.0, 0.05, 0.2, 0.5, 1.0], dtype=F64)  # another elapsed time a row


@pytest.mark.parametrize(("solver", "order", "steps"), [("fused", 1, 200), ("euler", 1, 200), ("rk4", 4, 40)])
@torch.no_grad()
def test_solvers_have_their_order_of_convergence(solver: str, order: int, steps: int) -> None:
    pytest.importorskip("torchdiffeq")
    torch.manual_seed(0)
    exact = LTC(3, 8, solver="dopri5", tolerance=1e-12).double()(*given())
    errors = [float((twins(solver, n)(*given()) - exact).abs().max()) for n in (steps, 2 * steps)]
    assert errors[1] > 1e-13  # above rounding, so that the ratio means something
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


@torch.no_grad()
def test_ctrnn_converges_to_its_flow() -> None:
    torchdiffeq = pytest.importorskip("torchdiffeq")
    torch.manual_seed(0)
    cell = CTRNN(3, 8, unfolds=100).double()
    x, h, dt = given()
    tau = nn.functional.softplus(cell.tau)

    def slope(_: Tensor, v: Tensor) -> Tensor:
        return dt[:, None] * (torch.tanh(cell.drive(x) + cell.recur(v)) - v) / tau

    exact = torchdiffeq.odeint(slope, h, torch.tensor([0.0, 1.0], dtype=F64), rtol=1e-11, atol=1e-11)[-1]
    coarse = (cell(x, h, dt) - exact).abs().max()
    cell.unfolds = 200
    assert np.log2(float(coarse / (cell(x, h, dt) - exact).abs().max())) == pytest.approx(1, abs=0.2)


def test_dopri5_is_differentiable_and_keeps_rows_at_zero_elapsed_time() -> None:
    pytest.importorskip("torchdiffeq")
    cell = twins("dopri5", 6)
    x, h, dt = given()
    new = cell(x, h, dt)
    torch.testing.assert_close(new[0], h[0])
    new.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in cell.parameters())


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_cfc_equals_the_reference_cell(mode: str) -> None:
    ncps = pytest.importorskip("ncps.torch")
    torch.manual_seed(0)
    theirs = ncps.CfCCell(3, 8, mode=mode, backbone_units=16, backbone_layers=2).double()
    ours = CfC(3, 8, mode=mode, backbone=16, layers=2).double()  # type: ignore[arg-type]
    copy_cfc(ours, theirs)
    for name in ("weight", "bias"):
        for mine, other in zip(ours.backbone[::2], theirs.backbone[::2], strict=True):
            getattr(mine, name).data.copy_(getattr(other, name).data)
    x, h, dt = given()
    for k in range(5):
        want, _ = theirs(x[k : k + 1], h[k : k + 1], dt[k])
        torch.testing.assert_close(ours(x[k : k + 1], h[k : k + 1], dt[k : k + 1]), want)


def copy_cfc(ours: CfC, theirs: nn.Module) -> None:
    block = ours.blocks[0]
    names = ("ff1",) if ours.mode == "pure" else ("ff1", "ff2", "time_a", "time_b")
    layers = [getattr(theirs, n) for n in names]
    block.weight.data.copy_(torch.stack([layer.weight.data for layer in layers]))
    block.bias.data.copy_(torch.stack([layer.bias.data for layer in layers]))
    if ours.mode == "pure":
        nn.init.uniform_(theirs.w_tau)
        block.rate.data.copy_(theirs.w_tau.data[0])
        block.scale.data.copy_(theirs.A.data[0])


def test_wired_cfc_equals_the_reference_where_it_respects_the_wiring() -> None:
    """With the time branches masked by hand and full recurrence within a layer, the two are one network."""
    ncps = pytest.importorskip("ncps.torch")
    wirings = pytest.importorskip("ncps.wirings")
    torch.manual_seed(0)
    wiring = wirings.AutoNCP(12, 3, seed=4)
    theirs = ncps.WiredCfCCell(5, wiring).double()
    order = [n for layer in range(3) for n in wiring.get_neurons_of_layer(layer)]
    recurrent = np.abs(wiring.adjacency_matrix)[np.ix_(order, order)]
    start = 0
    for size in theirs.layer_sizes:  # theirs joins all neurons within a layer, and no later layer to an earlier one
        recurrent[start : start + size, start : start + size] = 1
        start += size
    sensory = np.abs(wiring.sensory_adjacency_matrix)[:, order]
    ours = CfC(
        5, 12, wiring=Wiring(sensory.astype(np.int8), recurrent.astype(np.int8), tuple(theirs.layer_sizes), 3)
    ).double()
    start = 0
    for number, (block, size) in enumerate(zip(ours.blocks, theirs.layer_sizes, strict=True)):
        layer = getattr(theirs, f"layer_{number}")
        before = 5 if number == 0 else theirs.layer_sizes[number - 1]
        # theirs hears (layer before, own layer), ours (inputs, all neurons)
        places = list(range(5)) if number == 0 else list(range(5 + start - before, 5 + start))
        places += list(range(5 + start, 5 + start + size))
        block.weight.data.zero_()
        for branch, name in enumerate(("ff1", "ff2", "time_a", "time_b")):
            linear = getattr(layer, name)
            linear.weight.data *= layer.sparsity_mask
            if branch < 2:
                linear.weight.data.abs_()  # every synapse of this wiring excites
            block.weight.data[branch][:, places] = linear.weight.data
            block.bias.data[branch] = linear.bias.data
        start += size
    x = torch.randn(5, dtype=F64)[None]
    h = torch.randn(1, 12, dtype=F64)
    for dt in (0.0, 0.3, 4.0):
        motor, want = theirs(x, h, torch.tensor(dt, dtype=F64))
        new = ours(x, h, torch.tensor([dt], dtype=F64))
        torch.testing.assert_close(new, want)
        torch.testing.assert_close(ours.output(new), motor)


@pytest.mark.parametrize("wired", [False, True])
def test_ltc_equals_the_reference_cell(wired: bool) -> None:
    ncps = pytest.importorskip("ncps.torch")
    wirings = pytest.importorskip("ncps.wirings")
    torch.manual_seed(0)
    wiring = wirings.AutoNCP(8, 2, seed=3) if wired else wirings.FullyConnected(8)
    theirs = ncps.ltc_cell.LTCCell(wiring, 3).double()
    mine = dense(3, 8) if not wired else None
    if wired:
        mine = Wiring(wiring.sensory_adjacency_matrix.astype(np.int8), wiring.adjacency_matrix.astype(np.int8), (8,), 2)
    ours = LTC(3, 8, wiring=mine if wired else None).double()
    for part, prefix in ((ours.sensory, "sensory_"), (ours.recurrent, "")):
        part.conductance.data.copy_(unsoftplus(getattr(theirs, f"{prefix}w").data))
        part.mu.data.copy_(getattr(theirs, f"{prefix}mu").data)
        part.sigma.data.copy_(getattr(theirs, f"{prefix}sigma").data)
        if not wired:
            part.potential.data.copy_(getattr(theirs, f"{prefix}erev").data)
    ours.capacity.data.copy_(unsoftplus(theirs.cm.data))
    ours.leak.data.copy_(unsoftplus(theirs.gleak.data))
    ours.leak_potential.data.copy_(theirs.vleak.data)
    x, h, dt = given()
    for k in range(1, 5):  # theirs divides by the elapsed time, so that 0 is not for it
        _, want = theirs(x[k : k + 1], h[k : k + 1], dt[k])
        torch.testing.assert_close(ours(x[k : k + 1], h[k : k + 1], dt[k : k + 1]), want, rtol=1e-6, atol=1e-7)


def test_mixed_memory_equals_the_reference() -> None:
    ncps = pytest.importorskip("ncps.torch")
    torch.manual_seed(0)
    theirs = ncps.CfC(3, 8, mixed_memory=True, backbone_units=16).double()
    cell = CfC(3, 8, backbone=16).double()
    copy_cfc(cell, theirs.rnn_cell)
    cell.backbone[0].load_state_dict(theirs.rnn_cell.backbone[0].state_dict())
    ours = MixedMemory(cell, timed=False).double()
    ours.drive.load_state_dict(theirs.lstm.input_map.state_dict())
    ours.recur.load_state_dict(theirs.lstm.recurrent_map.state_dict())
    x = torch.randn(6, 3, dtype=F64)
    dt = torch.rand(6, dtype=F64)
    _, (h, c) = theirs(x, (torch.zeros(8, dtype=F64), torch.zeros(8, dtype=F64)), dt)
    state = ours.initial(1)
    for k in range(6):
        state = ours(x[k : k + 1], state, dt[k : k + 1])
    torch.testing.assert_close(state[0], torch.cat((h, c)))


def test_auto_ncp_size_equals_the_reference() -> None:
    """Their random numbers are others, but layers and fans are the same; only synapses drawn twice are fewer there."""
    wirings = pytest.importorskip("ncps.wirings")
    theirs = wirings.AutoNCP(32, 6, seed=0)
    theirs.build(9)
    ours = auto_ncp(9, 32, 6, seed=0)
    assert ours.layers == (theirs._num_inter_neurons, theirs._num_command_neurons, 6)
    assert np.abs(ours.sensory).sum(1).min() >= theirs._sensory_fanout
    assert (np.abs(ours.recurrent[:, -6:]).sum(0) >= theirs._motor_fanin).all()
