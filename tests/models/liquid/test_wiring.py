"""Wirings: reproducible, layered, and every synapse (and no other) acts, in every branch, with its polarity."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.errors import ConfigError
from models.liquid import LTC, CfC, Wiring, auto_ncp, dense, ncp

FANS = {"sensory_fanout": 1, "inter_fanout": 1, "recurrent_command": 1, "motor_fanin": 1}


def test_wiring_is_determined_by_its_seed() -> None:
    one, same, other = (auto_ncp(7, 20, 4, seed=s) for s in (3, 3, 4))
    assert np.array_equal(one.sensory, same.sensory)
    assert np.array_equal(one.recurrent, same.recurrent)
    assert not np.array_equal(one.recurrent, other.recurrent)
    # the same on every machine: NumPy keeps PCG64's stream, and this would notice if it did not
    assert one.synapses == auto_ncp(7, 20, 4, seed=3).synapses > 0


@pytest.mark.parametrize("seed", range(20))
def test_wiring_connects_the_layers_in_order(seed: int) -> None:
    wiring = ncp(
        5, 8, 6, 3, sensory_fanout=2, inter_fanout=2, recurrent_command=7, motor_fanin=2, seed=seed
    )  # fmt: skip
    s, r = wiring.sensory != 0, wiring.recurrent != 0
    inter, command, motor = slice(0, 8), slice(8, 14), slice(14, 17)
    assert not s[:, 8:].any()
    assert not r[inter, inter].any()
    assert not r[inter, motor].any()
    assert not r[command, inter].any()
    assert not r[motor].any()
    assert r[command, command].sum() == 7
    assert s.any(1).all()  # every input is heard
    assert s[:, inter].any(0).all()  # every neuron has an input
    assert r[inter, command].any(0).all()
    assert r[inter, command].any(1).all()  # every neuron is heard
    assert r[command, motor].any(0).all()
    assert r[command, motor].any(1).all()


def test_sparsity_reduces_synapses() -> None:
    counts = [auto_ncp(6, 30, 5, sparsity=s).synapses for s in (0.0, 0.5, 0.9)]
    assert counts[0] > counts[1] > counts[2]
    full = dense(6, 30, 5)
    assert full.synapses == 36 * 30


def acting(cell: CfC | LTC, name: str) -> torch.Tensor:
    """Which numbers of a parameter change any neuron's new state: by gradients at several inputs."""
    parameter = dict(cell.named_parameters())[name]
    seen = torch.zeros(parameter.shape, dtype=torch.bool)
    for k in range(8):
        torch.manual_seed(k)
        x, h = torch.randn(4, cell.input_size).double(), torch.randn(4, cell.state_size).double()
        weights = torch.randn(4, cell.state_size).double()
        (grad,) = torch.autograd.grad((cell(x, h, torch.rand(4).double()) * weights).sum(), parameter)
        seen |= grad != 0
    return seen


def test_cfc_every_synapse_acts_in_every_branch_and_no_other_does() -> None:
    wiring = auto_ncp(5, 16, 3, seed=2)
    cell = CfC(5, 16, wiring=wiring).double()
    whole = np.concatenate((wiring.sensory, wiring.recurrent)) != 0
    whole[5:][np.diag_indices(16)] = True  # each neuron hears its own past
    start, total = 0, 0
    for number, count in enumerate(wiring.layers):
        seen = acting(cell, f"blocks.{number}.weight")
        assert seen.shape == (4, count, 21)
        for branch in seen:
            assert np.array_equal(branch.numpy(), whole[:, start : start + count].T)
        total += int(seen.sum())
        start += count
    own = 16 - np.count_nonzero(np.diag(wiring.recurrent))
    assert total == 4 * (wiring.synapses + own)


@pytest.mark.parametrize("parameter", ["conductance", "mu", "sigma", "potential"])
def test_ltc_every_synapse_acts_and_no_other_does(parameter: str) -> None:
    wiring = auto_ncp(5, 16, 3, seed=2)
    torch.manual_seed(0)
    cell = LTC(5, 16, wiring=wiring).double()
    assert np.array_equal(acting(cell, f"sensory.{parameter}").numpy(), wiring.sensory != 0)
    assert np.array_equal(acting(cell, f"recurrent.{parameter}").numpy(), wiring.recurrent != 0)


def test_polarity_is_kept_during_training() -> None:
    wiring = auto_ncp(5, 16, 3, seed=2)
    torch.manual_seed(0)
    cells = (CfC(5, 16, wiring=wiring).double(), LTC(5, 16, wiring=wiring).double())
    for cell in cells:
        optimizer = torch.optim.SGD(cell.parameters(), 0.5)
        for _ in range(20):
            optimizer.zero_grad()
            x, h = torch.randn(8, 5).double(), torch.randn(8, 16).double()
            cell(x, h, torch.rand(8).double()).square().sum().backward()
            optimizer.step()
    cfc, ltc = cells
    start = 0
    for block, count in zip(cfc.blocks, wiring.layers, strict=True):
        polarity = np.concatenate((wiring.sensory, wiring.recurrent))[:, start : start + count].T
        for branch in block.effective()[:2].detach().numpy():
            assert (np.sign(branch)[polarity != 0] == polarity[polarity != 0]).all()
        start += count
    for part, polarity in ((ltc.sensory, wiring.sensory), (ltc.recurrent, wiring.recurrent)):
        conductance, potential = part.weights()
        assert (conductance >= 0).all()
        assert np.array_equal(np.sign(potential.detach().numpy()), polarity)


def test_a_signal_reaches_the_motor_neurons_of_a_cfc_in_one_step() -> None:
    wiring = auto_ncp(5, 16, 3, seed=2)
    cell = CfC(5, 16, wiring=wiring)
    x = torch.zeros(1, 5, requires_grad=True)
    (grad,) = torch.autograd.grad(cell.output(cell(x, cell.initial(1), torch.ones(1))).sum(), x)
    assert (grad != 0).any()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: auto_ncp(5, 6, 5), "5 outputs of 6 units"),
        (lambda: auto_ncp(5, 16, 3, sparsity=1.0), "sparsity is 1.0"),
        (lambda: ncp(5, 4, 3, 2, **FANS | {"sensory_fanout": 5}), "sensory_fanout is 5"),
        (lambda: ncp(0, 4, 3, 2, **FANS), "1 or more"),
        (lambda: Wiring(np.zeros((2, 4), np.int8), np.zeros((3, 3), np.int8), (3,), 1), "do not fit layers"),
        (lambda: Wiring(np.zeros((2, 3), np.int8), np.full((3, 3), 2, np.int8), (3,), 1), "polarities other"),
        (lambda: Wiring(np.zeros((2, 3), np.int8), np.zeros((3, 3), np.int8), (3,), 4), "outputs is 4"),
    ],
)
def test_invalid_wirings_are_refused(make: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()  # type: ignore[operator]
