"""Liquid time-constant cell (Hasani, Lechner et al. 2021, AAAI, "Liquid Time-constant Networks").

Each neuron is a leaky membrane. The conductance of its synapses depends on the sender's value s:
C dv/dt = g (v_leak - v) + sum over synapses of w sigmoid(sigma (s - mu)) (E - v).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ConfigError
from models.extras import needs
from models.liquid.cell import Cell, unsoftplus
from models.liquid.cfc import check_wiring
from models.liquid.wiring import Wiring, dense

Solver = Literal["fused", "euler", "rk4", "dopri5"]


class LTC(Cell):
    """The membrane equation above, integrated over dt.

    Args:
        solver: fused = semi-implicit Euler (the paper's algorithm 1): stable at any dt, of order 1. euler and rk4 are
            explicit, of order 1 and 4, for short dt; dopri5 is adaptive and exact to its tolerance, through
            torchdiffeq: a reference, slow. All but dopri5 take `unfolds` equal steps. The true flow never leaves
            the interval of its start, its leak and its reversal potentials (theorem 2); explicit steps are clipped to
            it.
        wiring: its synapses are the only ones and keep their polarity. None: fully connected, and reversal
            potentials may change sign during training.
        tolerance: relative and absolute tolerance of dopri5.
    """

    def __init__(
        self, input_size: int, units: int, *, solver: Solver = "fused", unfolds: int = 6,
        wiring: Wiring | None = None, time_unit: float = 1.0, tolerance: float = 1e-6,
    ) -> None:  # fmt: skip
        check_wiring(wiring, input_size, units)
        outputs = None if wiring is None else wiring.outputs
        super().__init__(input_size, units, output_size=outputs, time_unit=time_unit)
        if solver not in ("fused", "euler", "rk4", "dopri5"):
            raise ConfigError(f"solver is {solver!r}; give fused, euler, rk4 or dopri5.")
        if unfolds < 1:
            raise ConfigError(f"unfolds is {unfolds}; give 1 or more.")
        self.solver, self.unfolds, self.tolerance = solver, unfolds, tolerance
        self.wired = wiring is not None
        drawn = wiring if wiring is not None else dense(input_size, units, seed=int(torch.randint(2**31, ())))
        self.sensory = _Synapses(torch.from_numpy(drawn.sensory), self.wired)
        self.recurrent = _Synapses(torch.from_numpy(drawn.recurrent), self.wired)
        # the ranges are those of the paper's code; softplus keeps parameters positive
        self.capacity = nn.Parameter(unsoftplus(torch.empty(units).uniform_(0.4, 0.6)))
        self.leak = nn.Parameter(unsoftplus(torch.empty(units).uniform_(0.001, 1.0)))
        self.leak_potential = nn.Parameter(torch.empty(units).uniform_(-0.2, 0.2))
        self.input_scale = nn.Parameter(torch.ones(input_size))
        self.input_shift = nn.Parameter(torch.zeros(input_size))

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        t = self.elapsed(dt, h)
        flow = _Flow(self, x)
        if self.solver == "dopri5":
            return _adaptive(flow, h, t, self.tolerance)
        delta = t / self.unfolds
        if self.solver == "fused":
            for _ in range(self.unfolds):
                h = flow.fused(h, delta)
            return h
        low, high = flow.bounds(h)
        for _ in range(self.unfolds):
            h = flow.euler(h, delta, low, high) if self.solver == "euler" else flow.rk4(h, delta, low, high)
        return h

    def time_constants(self, x: Tensor, h: Tensor) -> Tensor:
        """Time constants in seconds, at this input and state: (B, C), (B, U) -> (B, U) (the paper's tau)."""
        _, rate = _Flow(self, x).current(h)
        return self.time_unit / rate


class _Synapses(nn.Module):
    """All synapses from one group of senders: conductance w, threshold mu, steepness sigma, reversal potential E."""

    def __init__(self, polarity: Tensor, wired: bool) -> None:
        super().__init__()
        sign = polarity.to(torch.get_default_dtype())
        shape = polarity.shape
        self.wired = wired
        self.register_buffer("sign", sign if wired else None)
        self.sign: Tensor
        self.conductance = nn.Parameter(unsoftplus(torch.empty(shape).uniform_(0.001, 1.0)))
        self.mu = nn.Parameter(torch.empty(shape).uniform_(0.3, 0.8))
        self.sigma = nn.Parameter(torch.empty(shape).uniform_(3.0, 8.0))
        self.potential = nn.Parameter(unsoftplus(torch.ones(shape)) if wired else sign)

    def weights(self) -> tuple[Tensor, Tensor]:
        """Conductance (senders, U), 0 where there is no synapse, and reversal potential (senders, U)."""
        conductance = functional.softplus(self.conductance)
        if not self.wired:
            return conductance, self.potential
        return conductance * self.sign.abs(), self.sign * functional.softplus(self.potential)


class _Flow:
    """The membrane equation under one input; terms that do not depend on the state are computed once."""

    def __init__(self, cell: LTC, x: Tensor) -> None:
        capacity = functional.softplus(cell.capacity)
        leak = functional.softplus(cell.leak) / capacity
        senses = _Conductance(cell.sensory, capacity)
        push, pull = senses(x * cell.input_scale + cell.input_shift)
        self.push, self.pull = push + leak * cell.leak_potential, pull + leak
        self.recurrent = _Conductance(cell.recurrent, capacity)
        self.ends = torch.cat((cell.leak_potential[None], senses.potential, self.recurrent.potential), 0).detach()

    def current(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """p and q of dv/dt = p - q v, each (B, U)."""
        push, pull = self.recurrent(v)
        return self.push + push, self.pull + pull

    def slope(self, v: Tensor) -> Tensor:
        p, q = self.current(v)
        return p - q * v

    def fused(self, v: Tensor, delta: Tensor) -> Tensor:
        """v' = (v + delta p) / (1 + delta q): implicit in v, explicit in the synapses; delta = 0 changes nothing."""
        p, q = self.current(v)
        return torch.addcmul(v, delta, p) / (1.0 + delta * q)

    def euler(self, v: Tensor, delta: Tensor, low: Tensor, high: Tensor) -> Tensor:
        return _hold(v + delta * self.slope(v), low, high)

    def rk4(self, v: Tensor, delta: Tensor, low: Tensor, high: Tensor) -> Tensor:
        k1 = self.slope(v)
        k2 = self.slope(_hold(v + delta / 2 * k1, low, high))
        k3 = self.slope(_hold(v + delta / 2 * k2, low, high))
        k4 = self.slope(_hold(v + delta * k3, low, high))
        return _hold(v + delta / 6 * (k1 + 2 * k2 + 2 * k3 + k4), low, high)

    def bounds(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """(B, U) lowest and highest value that the true flow from `v` can take."""
        return torch.minimum(v.detach(), self.ends.amin(0)), torch.maximum(v.detach(), self.ends.amax(0))


class _Conductance:
    """Senders' values (B, N) -> current at v = 0 and conductance, both (B, U), summed over senders, by capacity."""

    def __init__(self, synapses: _Synapses, capacity: Tensor) -> None:
        conductance, self.potential = synapses.weights()
        self.w = conductance / capacity
        self.we = self.w * self.potential
        self.sigma, self.shift = synapses.sigma, -synapses.sigma * synapses.mu

    def __call__(self, s: Tensor) -> tuple[Tensor, Tensor]:
        opened = torch.sigmoid(torch.addcmul(self.shift, self.sigma, s.unsqueeze(-1)))
        return (opened * self.we).sum(1), (opened * self.w).sum(1)


def _hold(v: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(v, low), high)


def _adaptive(flow: _Flow, v: Tensor, t: Tensor, tolerance: float) -> Tensor:
    """The flow over `t` (B, 1): every row's time is scaled to [0, 1], so that one solver call serves all rows."""
    try:
        from torchdiffeq import odeint
    except ImportError as error:
        raise needs("the solver dopri5", error) from None
    ends = torch.tensor([0.0, 1.0], dtype=v.dtype, device=v.device)
    path: Tensor = odeint(
        lambda _, state: t * flow.slope(state), v, ends, rtol=tolerance, atol=tolerance, method="dopri5"
    )
    return path[-1]
