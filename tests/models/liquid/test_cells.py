"""Every cell under one contract, and each against its own closed form."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.liquid import CELLS, CTRNN, LTC, Cell, CfC, MixedMemory, auto_ncp, make_cell

MIXED = ("mixed-cfc", "mixed-cfc-pure", "mixed-ltc", "mixed-ctrnn", "mixed-gru")
NAMES = (*CELLS, *MIXED)
SOLVERS = ("fused", "euler", "rk4")


def cells() -> dict[str, Cell]:
    wiring = auto_ncp(3, 10, 2, seed=1)
    extra = {f"ltc-{s}": LTC(3, 10, solver=s) for s in SOLVERS}  # type: ignore[arg-type]
    wired = {"wired-ltc": LTC(3, 10, wiring=wiring), "wired-cfc": CfC(3, 10, wiring=wiring)}
    wired["wired-cfc-leaky"] = CfC(3, 10, mode="leaky", wiring=wiring)
    return {name: make_cell(name, 3, 10) for name in NAMES} | extra | wired


def rows(dtype: torch.dtype = torch.float64, count: int = 7) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(count, 3, generator=generator, dtype=dtype)
    return x, torch.rand(count, generator=generator, dtype=dtype)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("name", list(cells()))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_elapsed_time_gives_a_bounded_state_and_finite_gradients(name: str, dtype: torch.dtype) -> None:
    cell = cells()[name].to(dtype)
    dt = torch.tensor([0.0, 1e-12, 1e-3, 1.0, 1e4, 1e30, math.inf], dtype=dtype)
    x = rows(dtype)[0].requires_grad_()
    first = cell.initial(7).requires_grad_()
    h = first
    for _ in range(5):
        h = cell(x, h, dt)
    assert h.dtype == dtype
    assert h.shape == (7, cell.state_size)
    assert cell.output(h).shape == (7, cell.output_size)
    assert h.abs().max() < 10
    h.square().sum().backward()
    for leaf in (x, first, *cell.parameters()):
        assert leaf.grad is not None
        assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("name", list(cells()))
def test_rows_are_independent(name: str) -> None:
    cell = cells()[name].double()
    x, dt = rows()
    h = torch.randn(7, cell.state_size, dtype=torch.float64)
    together = cell(x, h, dt)
    for k in range(7):
        torch.testing.assert_close(cell(x[k : k + 1], h[k : k + 1], dt[k : k + 1])[0], together[k])


@pytest.mark.parametrize("name", list(cells()))
def test_gradients_equal_finite_differences(name: str) -> None:
    cell = cells()[name].double()
    x, dt = rows(count=2)
    h = torch.randn(2, cell.state_size, dtype=torch.float64) / 2
    names, values = zip(*cell.named_parameters(), strict=True)
    leaves = [v.detach().clone().requires_grad_() for v in (x, h, dt + 0.1, *values)]

    def step(x: Tensor, h: Tensor, dt: Tensor, *values: Tensor) -> Tensor:
        out: Tensor = torch.func.functional_call(cell, dict(zip(names, values, strict=True)), (x, h, dt))
        return out

    assert torch.autograd.gradcheck(step, leaves, fast_mode=True)


@pytest.mark.parametrize("name", list(cells()))
def test_weights_round_trip_through_a_state_dict(name: str) -> None:
    one = cells()[name]
    torch.manual_seed(5)
    other = cells()[name]
    x, dt = rows(torch.float32)
    h = torch.randn(7, one.state_size)
    assert not torch.equal(one(x, h, dt), other(x, h, dt))
    other.load_state_dict(one.state_dict())
    torch.testing.assert_close(other(x, h, dt), one(x, h, dt))


@pytest.mark.parametrize("name", list(cells()))
def test_the_step_runs_in_onnxruntime(name: str, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    cell = cells()[name].eval()
    x, dt = rows(torch.float32)
    h = torch.randn(7, cell.state_size)
    file = tmp_path / "step.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as models.export: the older exporter, without its warning of age
        torch.onnx.export(
            cell, (x[:3], h[:3], dt[:3]), str(file), dynamo=False, opset_version=17,
            input_names=["x", "h", "dt"], output_names=["new"],
            dynamic_axes={key: {0: "rows"} for key in ("x", "h", "dt", "new")},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    taken = {i.name for i in session.get_inputs()}
    for count in (1, 7):  # not the number that the exporter saw
        given = {"x": x[:count], "h": h[:count], "dt": torch.linspace(0, 1, 7)[:count]}
        (answer,) = session.run(None, {key: value.numpy() for key, value in given.items() if key in taken})
        want = cell(given["x"], given["h"], given["dt"]).detach().numpy()
        np.testing.assert_allclose(answer, want, atol=1e-4)


@pytest.mark.parametrize("name", ["cfc", "wired-cfc", "ltc", "mixed-ltc", "gru-dt"])
def test_the_step_can_be_exported_for_any_number_of_rows(name: str) -> None:
    cell = cells()[name].eval()
    x, dt = rows(torch.float32)
    h = torch.randn(7, cell.state_size)
    some = {0: torch.export.Dim("rows")}
    program = torch.export.export(cell, (x[:3], h[:3], dt[:3]), dynamic_shapes=(some, some, some))
    torch.testing.assert_close(program.module()(x, h, dt), cell(x, h, dt))


@pytest.mark.parametrize("name", ["ltc", "ctrnn", "ltc-euler", "ltc-rk4", "wired-ltc"])
def test_zero_elapsed_time_leaves_the_state_unchanged(name: str) -> None:
    cell = cells()[name].double()
    x, dt = rows()
    h = torch.randn(7, cell.state_size, dtype=torch.float64) / 2
    torch.testing.assert_close(cell(x, h, dt * 0), h)


def test_time_unit_only_rescales_elapsed_time() -> None:
    for name in ("cfc", "ltc", "ctrnn", "gru-dt", "mixed-ltc"):
        torch.manual_seed(1)
        seconds = make_cell(name, 3, 10).double()
        torch.manual_seed(1)
        frames = make_cell(name, 3, 10, time_unit=0.04).double()
        x, dt = rows()
        h = torch.randn(7, seconds.state_size, dtype=torch.float64)
        torch.testing.assert_close(frames(x, h, 0.04 * dt), seconds(x, h, dt))


def test_ltc_without_synapses_decays_exponentially() -> None:
    cell = LTC(1, 2, unfolds=4000).double()
    with torch.no_grad():
        for synapses in (cell.sensory, cell.recurrent):
            synapses.conductance.fill_(-100.0)  # softplus of it is 0
    h, dt = torch.tensor([[0.9, -0.4]], dtype=torch.float64), torch.tensor([0.7], dtype=torch.float64)
    rate = nn.functional.softplus(cell.leak) / nn.functional.softplus(cell.capacity)
    want = cell.leak_potential + (h - cell.leak_potential) * torch.exp(-rate * 0.7)
    torch.testing.assert_close(cell(torch.ones(1, 1, dtype=torch.float64), h, dt), want, atol=1e-3, rtol=0)
    torch.testing.assert_close(cell.time_constants(torch.ones(1, 1).double(), h)[0], 1 / rate)


def test_ltc_without_recurrence_rests_at_the_current_equilibrium() -> None:
    cell = LTC(3, 10).double()
    with torch.no_grad():
        cell.recurrent.conductance.fill_(-100.0)
    x, dt = rows()
    w, e = cell.sensory.weights()
    opened = w * torch.sigmoid(cell.sensory.sigma * (x[..., None] - cell.sensory.mu))
    leak = nn.functional.softplus(cell.leak)
    rest = ((opened * e).sum(1) + leak * cell.leak_potential) / (opened.sum(1) + leak)
    torch.testing.assert_close(cell(x, cell.initial(7), dt * math.inf), rest, atol=1e-5, rtol=0)
    torch.testing.assert_close(cell(x, rest, dt), rest)


def test_ctrnn_without_recurrence_equals_the_exponential_solution() -> None:
    cell = CTRNN(3, 4, unfolds=3).double()
    with torch.no_grad():
        cell.recur.weight.zero_()
        cell.tau.copy_(torch.linspace(-1, 2, 4))
    x, dt = rows()
    h = torch.randn(7, 4, dtype=torch.float64)
    rest = torch.tanh(cell.drive(x))
    decay = torch.exp(-dt[:, None] / nn.functional.softplus(cell.tau))
    torch.testing.assert_close(cell(x, h, dt), rest + (h - rest) * decay)


def test_cfc_default_equals_its_equation() -> None:
    cell = CfC(3, 4, backbone=0).double()
    x, dt = rows()
    h = torch.randn(7, 4, dtype=torch.float64)
    z = torch.cat((x, h), 1)
    f, g, a, b = (z @ w.T + bias for w, bias in zip(cell.blocks[0].weight, cell.blocks[0].bias, strict=True))
    s = torch.sigmoid(a * dt[:, None] + b)
    torch.testing.assert_close(cell(x, h, dt), (1 - s) * torch.tanh(f) + s * torch.tanh(g))


@pytest.mark.parametrize("wired", [False, True])
def test_leaky_cfc_equals_its_equation(wired: bool) -> None:
    wiring = auto_ncp(3, 10, 2, seed=1) if wired else None
    cell = CfC(3, 10, mode="leaky", backbone=0, wiring=wiring).double()
    x, dt = rows()
    h = torch.randn(7, 10, dtype=torch.float64)
    new = h.clone()  # layer by layer, each neuron with its new state once it has one
    at = 0
    for block in cell.blocks:
        units = slice(at, at + block.bias.shape[1])
        z = torch.cat((x, new), 1)
        f, a, b = (z @ w.T + bias for w, bias in zip(block.effective(), block.bias, strict=True))
        s = torch.sigmoid(a * dt[:, None] + b)
        new[:, units] = (1 - s) * torch.tanh(f) + s * h[:, units]
        at = units.stop
    torch.testing.assert_close(cell(x, h, dt), new)


def test_leaky_time_constants_span_one_step_to_many() -> None:
    cell = CfC(3, 64, mode="leaky", backbone=0).double()
    with torch.no_grad():
        cell.blocks[0].weight.zero_()
        cell.blocks[0].bias[0] = 0  # nothing to go towards
        h = torch.ones(1, 64, dtype=torch.float64)
        for _ in range(8):
            h = cell(torch.zeros(1, 3).double(), h, torch.rand(1))
    left = h[0].sort().values
    assert left[0] < 1e-3 < left[-1]
    # of the memories 1 to 32, even in their logarithm, three in five are shorter than 8
    assert abs(float((left < math.exp(-1)).double().mean()) - 0.6) < 0.02


@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_cfc_time_constants_match_its_decay(mode: str) -> None:
    cell = CfC(3, 4, mode=mode, backbone=0, time_unit=0.1).double()  # type: ignore[arg-type]
    x, _ = rows()
    h = torch.randn(7, 4, dtype=torch.float64)
    tau = cell.time_constants(x, h)
    assert (tau > 0).all()
    z = torch.cat((x, h), 1)
    if mode == "pure":  # what is left of the flow shrinks by e in each tau
        for row, unit in ((0, 0), (3, 2)):
            t = tau[row, unit].expand(7)
            left = [(cell(x, h, k * t) - cell.blocks[0].scale)[row, unit] for k in (1, 2)]
            torch.testing.assert_close(left[0] / left[1], torch.tensor(math.e, dtype=torch.float64))
    else:
        a = z @ cell.blocks[0].weight[2].T + cell.blocks[0].bias[2]
        torch.testing.assert_close(tau, 0.1 / a.abs())


def test_mixed_memory_decays_by_its_half_life() -> None:
    cell = make_cell("mixed-ctrnn", 3, 4).double()
    assert isinstance(cell, MixedMemory)
    with torch.no_grad():
        for layer in (cell.drive, cell.recur):
            layer.weight.zero_()
        cell.drive.bias.zero_()
        cell.drive.bias[8:12] = 100.0  # forget nothing by gate; the candidate tanh(0) adds nothing
    x, _ = rows()
    h = torch.ones(7, 8, dtype=torch.float64)
    after = cell(x, h, torch.full((7,), 100.0, dtype=torch.float64))
    torch.testing.assert_close(after[:, 4:], torch.full((7, 4), 0.5, dtype=torch.float64))


def norms(cell: Cell, length: int, seed: int) -> float:
    """Norm of the gradient of the last state's sum by the first input."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, length, cell.input_size, generator=generator, dtype=torch.float64).requires_grad_()
    h = cell.initial(1)
    for k in range(length):
        h = cell(x[:, k], h, torch.ones(1, dtype=torch.float64))
    (grad,) = torch.autograd.grad(cell.output(h).sum(), x)
    return float(grad[0, 0].norm())


def test_mixed_memory_preserves_gradients_that_a_plain_flow_loses() -> None:
    plain = np.median([norms(make_cell("ltc", 3, 32).double(), 50, k) for k in range(3)])
    mixed = np.median([norms(make_cell("mixed-ltc", 3, 32).double(), 50, k) for k in range(3)])
    assert mixed > 1e6 * plain


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: make_cell("rnn", 3, 4), "there is no cell 'rnn'"),
        (lambda: make_cell("mixed-lstm", 3, 4), "memory of its own"),
        (lambda: CfC(3, 4, mode="fast"), "mode is 'fast'"),  # type: ignore[arg-type]
        (lambda: LTC(3, 4, solver="magic"), "solver is 'magic'"),  # type: ignore[arg-type]
        (lambda: LTC(3, 4, unfolds=0), "unfolds is 0"),
        (lambda: CfC(3, 4, time_unit=0.0), "time_unit is 0"),
        (lambda: CfC(0, 4), "0 inputs"),
        (lambda: LTC(3, 4, wiring=auto_ncp(3, 10, 2)), "the wiring has 3 inputs and 10 units"),
    ],
)
def test_invalid_cell_settings_are_refused(make: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("time_unit", [1.0, 0.1])
def test_gate_switching_times_span_the_horizon(time_unit: float) -> None:
    torch.manual_seed(0)
    units, horizon = 64, 5.0
    cell = CfC(1, units, backbone=0, time_unit=time_unit, horizon=horizon)
    at = torch.linspace(0, horizon, 101)
    with torch.no_grad():  # at rest, without input, an answer goes from one direction to the other as its gate moves
        answers = torch.cat([cell.step(torch.zeros(1, 1), torch.zeros(1, units), t[None]) for t in at])
    way = (answers - answers[0]) / (answers[-1] - answers[0])
    half = at[(way > 0.5).float().argmax(0)]
    # an even spread has as many before any time as that time's share of the horizon
    for share in (0.25, 0.5, 0.75):
        assert abs(float((half < share * horizon).float().mean()) - share) < 0.15


def test_horizon_has_no_effect_without_gates() -> None:
    torch.manual_seed(0)
    plain = CfC(2, 5, mode="pure").state_dict()
    torch.manual_seed(0)
    for name, value in CfC(2, 5, mode="pure", horizon=3.0).state_dict().items():
        torch.testing.assert_close(value, plain[name])


def test_decaying_gru_forgets_with_the_elapsed_time() -> None:
    cell = make_cell("gru-decay", 2, 6)
    with torch.no_grad():
        cell.rate.fill_(0.5)
    x, h = torch.zeros(1, 2), torch.randn(1, 6)
    soon, late, never = (cell(x, h, torch.tensor([dt])) for dt in (0.0, 4.0, 1e9))
    assert torch.allclose(late, cell.cell(x, h * math.exp(-2)))
    assert torch.allclose(soon, cell.cell(x, h))
    assert torch.allclose(never, cell.cell(x, torch.zeros_like(h)))
