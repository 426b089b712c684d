"""Heads of other sizes: a grown head says what it said before, and a pruned one nearly that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.association_head.config import HeadConfig
from models.association_head.elimination import CRITERIA, eliminate
from models.association_head.inference import HeadNumpy
from models.association_head.model import AssociationHead
from models.association_head.pruning import RecordedActivity, prune, without_synapses
from models.association_head.resizing import ResizePlan, check_plan, growth_plan, parameters, resized
from models.errors import ConfigError
from models.runtime.arrays import Float32

INPUTS, FEATURES = 5, 7
GROWING = ("cfc-leaky", "gru-dt", "cfc", "mixed-cfc")


def head(config: HeadConfig, seed: int = 0) -> dict[str, Float32]:
    """Weights of a head without zeros."""
    model = AssociationHead(INPUTS, FEATURES, config)
    rng = np.random.default_rng(seed)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    fixed = (".mask", ".sign")
    return {
        n: v if n.endswith(fixed) else (v + 0.3 * rng.normal(size=v.shape)).astype(np.float32) for n, v in state.items()
    }


def answers(weights: dict[str, Float32], config: HeadConfig, steps: int = 6) -> tuple[np.ndarray, ...]:
    """Codes, readouts and log-odds of four tracks after some matches at uneven times."""
    plain, rng = HeadNumpy(weights, config), np.random.default_rng(1)
    h = np.zeros((4, config.state), np.float32)
    for _ in range(steps):
        x, dt = rng.normal(size=(4, INPUTS)), rng.exponential(0.3, 4)
        h = plain.step(x.astype(np.float32), h, dt.astype(np.float32))
    code, readout = plain.query(h, rng.exponential(0.5, 4).astype(np.float32))
    features, base, gap = (rng.normal(size=s).astype(np.float32) for s in ((16, FEATURES), (16,), (16, 2)))
    row, column = np.arange(16) // 4, np.arange(16) % 4
    return code, readout, plain.logits(features, base, gap, code, (row, column))


def same(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> float:
    """The largest difference; a grown head's answers have further numbers."""
    return max(float(abs(x - y[..., : x.shape[-1]]).max()) for x, y in zip(a, b, strict=True))


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(GROWING), st.integers(6, 14), st.integers(0, 9), st.integers(1, 9), st.integers(0, 5),
    st.integers(0, 3), st.integers(0, 3), st.integers(0, 1), st.integers(0, 2**31),
)  # fmt: skip
def test_growth_leaves_every_output_as_it_was(
    cell: str, units: int, more: int, hidden: int, wider: int, query: int, message: int, rounds: int, seed: int
) -> None:
    config = HeadConfig(cell, units, motor=3, query_size=4, hidden=hidden, message_size=3, message_rounds=1)
    larger = replace(
        config, units=units + more, hidden=hidden + wider, query_size=4 + query, message_size=3 + message,
        message_rounds=1 + rounds,
    )  # fmt: skip
    weights = head(config, seed)
    plan = growth_plan(config, larger)
    grown = resized(weights, config, plan, head(plan.config, seed + 1))
    check_plan(grown, plan)
    assert same(answers(weights, config), answers(grown, plan.config)) < 1e-6
    # and again, by the torch head that goes on training
    model = AssociationHead(INPUTS, FEATURES, plan.config)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in grown.items()})


@pytest.mark.parametrize("cell", GROWING)
def test_added_neurons_learn_from_the_first_step_on(cell: str) -> None:
    config = HeadConfig(cell=cell, units=8, motor=3, query_size=4, hidden=5, message_size=3)
    plan = growth_plan(config, replace(config, units=12, hidden=6))
    model = AssociationHead(INPUTS, FEATURES, plan.config)
    grown = resized(head(config), config, plan, {n: v.numpy() for n, v in model.state_dict().items()})
    model.load_state_dict({name: torch.from_numpy(value) for name, value in grown.items()})
    new = np.flatnonzero(plan.units < 0)
    h = torch.zeros(3, plan.config.state)
    for _ in range(3):
        h = model.step(torch.randn(3, INPUTS), h, torch.full((3,), 0.1))
    model.query(h, torch.rand(3)).readout.sum().backward()
    read = dict(model.named_parameters())["flow.weight"].grad
    assert read is not None
    assert (read[:, new].abs().sum(0) > 0).all()


def test_growth_to_fewer_or_without_a_cell_is_refused() -> None:
    with pytest.raises(ConfigError, match="grows to the same kind of head"):
        growth_plan(HeadConfig(units=8), HeadConfig(units=7))
    with pytest.raises(ConfigError, match="no neurons to add"):
        growth_plan(HeadConfig(cell="none", units=8), HeadConfig(cell="none", units=9))
    with pytest.raises(ConfigError, match="grows to the same kind of head"):
        growth_plan(HeadConfig(units=8), HeadConfig(cell="gru-dt", units=9))
    none = HeadConfig(cell="none", units=8)
    assert growth_plan(none, replace(none, hidden=60)).config.hidden == 60


def activity(weights: dict[str, Float32], config: HeadConfig, rank: int = 3) -> RecordedActivity:
    """Activity of a head whose inputs have `rank` independent parts, so that some neurons repeat others."""
    plain, rng = HeadNumpy(weights, config), np.random.default_rng(2)
    mix = rng.normal(size=(rank, INPUTS))
    h, inputs, states = np.zeros((40, config.state), np.float32), [], []
    for _ in range(12):
        x = (rng.normal(size=(40, rank)) @ mix).astype(np.float32)
        h = plain.step(x, h, np.full(40, 0.1, np.float32))
        inputs.append(x)
        states.append(h[:, : config.units])
    first = np.maximum(rng.normal(size=(300, rank)) @ rng.normal(size=(rank, config.hidden)), 0)
    second = np.maximum(first @ weights["second.weight"].T + weights["second.bias"], 0)
    return RecordedActivity(np.concatenate(inputs), np.concatenate(states), first, second)


@pytest.mark.parametrize("cell", GROWING)
def test_pruned_head_has_the_sizes_asked_for_and_its_weights_fit(cell: str) -> None:
    config = HeadConfig(cell=cell, units=12, motor=4, query_size=4, hidden=8, message_size=3)
    weights = head(config)
    small, new = prune(weights, config, activity(weights, config), 6, 4)
    assert (new.units, new.hidden) == (6, 4)
    assert parameters(new, INPUTS, FEATURES) < parameters(config, INPUTS, FEATURES)
    assert np.isfinite(np.concatenate([a.ravel() for a in answers(small, new)])).all()
    model = AssociationHead(INPUTS, FEATURES, new)
    model.load_state_dict({name: torch.from_numpy(value) for name, value in small.items()})


@pytest.mark.parametrize("cell", ["cfc-leaky", "gru-dt"])
def test_neurons_that_repeat_others_are_pruned_without_a_trace(cell: str) -> None:
    config = HeadConfig(cell=cell, units=5, query_size=4, hidden=5, message_size=3)
    weights = head(config)
    plan = growth_plan(config, replace(config, units=10))
    rest = (plan.first, plan.second, plan.query, plan.message)
    # five more neurons, each the copy of one that is there
    copies = ResizePlan(plan.config, np.r_[np.arange(5), np.arange(5)], *rest)
    twice = resized(weights, config, copies)
    for name, value in twice.items():
        if name == "flow.weight" or name.endswith(("blocks.0.weight", "weight_hh")):
            value[..., -10:] /= 2
    assert same(answers(weights, config), answers(twice, plan.config)) < 1e-5
    small, new = prune(twice, plan.config, activity(twice, plan.config), 5, 5)
    assert same(answers(twice, plan.config), answers(small, new)) < 1e-2


def test_pruning_by_effect_loses_less_than_by_chance() -> None:
    rng = np.random.default_rng(0)
    lost = dict.fromkeys(CRITERIA, 0.0)
    for k in range(10):
        states = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 16)) + 0.3 * rng.normal(size=(500, 16))
        readout = rng.normal(size=(7, 16)) * rng.exponential(1, 16)
        for criterion in CRITERIA:
            found = eliminate(states, readout, np.array([8]), criterion=criterion, seed=k)
            assert len(found.kept) == 8
            assert not np.delete(found.readout, found.kept, axis=1).any()
            off = states @ (readout - found.readout).T - found.shift
            assert abs(off.mean(axis=0)).max() < 1e-9  # the means are kept
            lost[criterion] += float((off**2).mean())
    assert lost["residual"] < lost["spread"] < lost["random"]


def test_readout_of_the_rest_is_the_least_squares_fit() -> None:
    rng = np.random.default_rng(3)
    states = rng.normal(size=(400, 4)) @ rng.normal(size=(4, 9)) + 0.2 * rng.normal(size=(400, 9))
    readout = rng.normal(size=(3, 9))
    found = eliminate(states, readout, np.array([5]))
    told = np.c_[states[:, found.kept], np.ones(400)]
    best = np.linalg.lstsq(told, states @ readout.T, rcond=None)[0].T
    np.testing.assert_allclose(found.readout[:, found.kept], best[:, :-1], atol=2e-2)
    np.testing.assert_allclose(found.shift, best[:, -1], atol=2e-2)


def test_synapses_with_the_least_effect_are_removed() -> None:
    config = HeadConfig(units=6, query_size=4, hidden=5, message_size=3)
    weights = head(config)
    found = without_synapses(weights, config, activity(weights, config), 0.25)
    cell = found["cell.blocks.0.weight"]
    assert np.count_nonzero(cell) == round(cell.size / 4)
    assert np.array_equal(found["flow.weight"], weights["flow.weight"])
    assert abs(cell[cell != 0]).mean() > abs(weights["cell.blocks.0.weight"]).mean()
    assert without_synapses(weights, config, activity(weights, config), 1.0).keys() == weights.keys()


def test_impossible_sizes_of_a_pruned_head_are_refused() -> None:
    config = HeadConfig(cell="cfc", units=12, motor=4, query_size=4, hidden=8)
    weights = head(config)
    for units, hidden in ((2, 8), (12, 0), (13, 8), (12, 9)):
        with pytest.raises(ConfigError, match="give a share that leaves 3 and 1 or more"):
            prune(weights, config, activity(weights, config), units, hidden)
    none = HeadConfig(cell="none", units=4, hidden=8)
    with pytest.raises(ConfigError, match="no neurons to remove"):
        prune(head(none), none, RecordedActivity(*[np.zeros((2, 8))] * 4), 3, 8)
