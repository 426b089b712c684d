"""Closed-form continuous-time cell (Hasani, Lechner et al. 2022, Nature Machine Intelligence 4, equations 2 and 10)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ConfigError
from models.liquid.cell import Cell, Stepper
from models.liquid.wiring import Wiring

Mode = Literal["default", "no_gate", "pure", "leaky"]
BRANCHES = {"default": ("f", "g", "a", "b"), "no_gate": ("f", "g", "a", "b"), "pure": ("f",), "leaky": ("f", "a", "b")}
# initial scale of the input weights of gates with spread times or steps
INITIAL_GATE_GAIN = 0.3
INITIAL_MEMORY_STEPS = 32  # steps, range of the initial memories of a leaky cell's neurons


class LecunTanh(nn.Module):
    """1.7159 tanh(2/3 x), whose variance is near 1 for inputs of variance 1; 0.666 as in the paper's code."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(0.666 * x)


class CfC(Cell):
    """A liquid network with a closed-form flow over dt instead of an integrated one.

    With z a layer over (x, h), t the elapsed time and s = sigmoid(a(z) t + b(z)):
    default  h' = (1 - s) tanh f(z) + s tanh g(z);  no_gate  h' = tanh f(z) + s tanh g(z);
    pure  h' = A - A exp(-t (|w| + |f(z)|)) f(z);  leaky  h' = (1 - s) tanh f(z) + s h.

    Default overwrites the whole state at each step. Leaky keeps a part of it: with g the neuron's own state, it is the
    flow of a leaky membrane, as in LTC, towards a target that is constant over dt (exponential Euler), where b sets the
    immediate effect of an event and a the rate of the leak. Its neurons initially remember 1 to `INITIAL_MEMORY_STEPS`
    steps, evenly in their logarithm (chrono initialisation: Tallec & Ollivier, ICLR 2018).

    Args:
        backbone: units of the layer z; 0 leaves it out.
        wiring: its synapses are the only ones, in every branch: one map a branch, no shared layer. Within a step a
            signal passes all layers; each neuron also gets its own old state. In f and g a synapse keeps its polarity;
            in a and b, which set the time and not the direction, its sign is free.
        horizon: seconds over which the times of half-open gates are spread evenly at first, with steepness set by their
            spacing. With 0 all are near 0, and late events are learned late. The idea is that of the chrono
            initialisation, for gates that depend on the time itself. A pure cell has no gates, a leaky one spreads its
            memories in steps.
    """

    def __init__(
        self, input_size: int, units: int, *, mode: Mode = "default", backbone: int = 128, layers: int = 1,
        wiring: Wiring | None = None, time_unit: float = 1.0, horizon: float = 0.0,
    ) -> None:  # fmt: skip
        check_wiring(wiring, input_size, units)
        outputs = None if wiring is None else wiring.outputs
        super().__init__(input_size, units, output_size=outputs, time_unit=time_unit)
        if mode not in BRANCHES:
            raise ConfigError(f"mode is {mode!r}; give {', '.join(BRANCHES)}.")
        self.mode = mode
        self.backbone: nn.Module = nn.Identity()
        self.blocks = nn.ModuleList()
        if wiring is None:
            width = input_size + units
            if backbone and layers:
                steps: list[nn.Module] = []
                for _ in range(layers):
                    steps += [nn.Linear(width, backbone), LecunTanh()]
                    width = backbone
                self.backbone = nn.Sequential(*steps)
            self.blocks.append(_Block(width, units, mode))
        else:
            start = 0
            for count in wiring.layers:
                self.blocks.append(_Block(input_size + units, count, mode, _polarity(wiring, start, count)))
                start += count
        for name, parameter in self.named_parameters():
            if name.startswith("backbone") and parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
        for block in self.blocks:
            assert isinstance(block, _Block)
            if mode == "leaky":
                block.remember(INITIAL_MEMORY_STEPS)
            elif horizon and mode != "pure":
                block.spread(horizon / time_unit)

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        return self.stepper()(x, h, dt)

    def stepper(self) -> Stepper:
        acting = self._acting()
        return lambda x, h, dt: self._flow(acting, x, h, self.elapsed(dt, h))[0]

    def time_constants(self, x: Tensor, h: Tensor) -> Tensor:
        """Seconds in which each neuron's gate moves from 0.5 to e / (1 + e), at this input and state: 1 / |a(z)|.

        (B, C), (B, U) -> (B, U), with the earlier layers at rest (t = 0); in pure mode the flow's own 1 / (|w| + |f|).
        """
        return self.time_unit / self._flow(self._acting(), x, h, torch.zeros_like(h[:, :1]))[1]

    def _acting(self) -> list[Tensor]:
        """The effective weights of each block, (branches * N, W)."""
        return [block.effective().flatten(0, 1) for block in self.blocks if isinstance(block, _Block)]

    def _flow(self, acting: list[Tensor], x: Tensor, h: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """(B, U) new states and rates, per unit of the cell's time; `acting` is the result of `_acting`."""
        old, new, rates = h, h[:, :0], h[:, :0]
        for block, weight in zip(self.blocks, acting, strict=True):
            # neurons of earlier layers have their new state, the others their old state
            own = old[:, : len(weight) // len(BRANCHES[self.mode])]
            state, rate = block(self.backbone(torch.cat((x, new, old), 1)), t, weight, own)
            new, rates = torch.cat((new, state), 1), torch.cat((rates, rate), 1)
            old = h[:, new.shape[1] :]
        return new, rates


class _Block(nn.Module):
    """The branches f, g, a, b of one layer of neurons: (B, W) inputs -> (B, N) new states.

    Args:
        polarity: (N, W) of -1, 0, 1, or 2 for a synapse whose sign is free; None: all are, and free.
    """

    def __init__(self, width: int, units: int, mode: Mode, polarity: Tensor | None = None) -> None:
        super().__init__()
        self.mode = mode
        self.branches = len(BRANCHES[mode])
        self.directions = sum(name in "fg" for name in BRANCHES[mode])
        free = torch.full((units, width), 2.0) if polarity is None else polarity
        mask = (free != 0).to(torch.get_default_dtype())
        self.wired = polarity is not None
        self.register_buffer("mask", mask if self.wired else None)
        self.register_buffer("sign", torch.where(free == 2, 0.0, free) if self.wired else None)
        self.mask: Tensor
        self.sign: Tensor
        fan = mask.sum(1, keepdim=True)  # incoming synapses of a neuron
        bound = (6.0 / (fan + units)).sqrt()  # Xavier initialisation, by the number of existing synapses
        self.weight = nn.Parameter((torch.rand(self.branches, units, width) * 2 - 1) * bound)
        self.bias = nn.Parameter((torch.rand(self.branches, units) * 2 - 1) / math.sqrt(max(width, 1)))
        if mode == "pure":
            self.rate = nn.Parameter(torch.zeros(units))
            self.scale = nn.Parameter(torch.ones(units))

    def spread(self, horizon: float) -> None:
        """Spreads the times at which gates open (half of them) or close over `horizon` units of the cell's time."""
        units = self.bias.shape[1]
        with torch.no_grad():
            slope = units / horizon * torch.where(torch.rand(units) < 0.5, -1.0, 1.0)
            self.bias[2], self.bias[3] = slope, -slope * horizon * (torch.randperm(units) + 0.5) / units
            self.weight[2:] *= INITIAL_GATE_GAIN

    def remember(self, steps: float) -> None:
        """Sets initial memories that decay to 1 / e in 1 to `steps` steps, independent of the time."""
        units = self.bias.shape[1]
        with torch.no_grad():
            lasting = torch.logspace(0, math.log10(steps), units)[torch.randperm(units)]
            self.bias[-2], self.bias[-1] = 0, -torch.log(torch.expm1(1 / lasting))
            self.weight[-2:] *= INITIAL_GATE_GAIN

    def effective(self) -> Tensor:
        """The effective weights (branches, N, W): 0 without a synapse, with the polarity in f and g."""
        if not self.wired:
            return self.weight
        fixed = self.sign.abs()
        towards, times = self.weight[: self.directions], self.weight[self.directions :]
        return torch.cat((towards * (self.mask - fixed) + towards.abs() * self.sign, times * self.mask), 0)

    def forward(self, z: Tensor, t: Tensor, acting: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N) new states and rates, from inputs `z` (B, W) and the layer's old states `own` (B, N).

        `acting` (branches * N, W) are the effective weights.
        """
        out = functional.linear(z, acting, self.bias.flatten())
        if self.mode == "pure":
            rate = self.rate.abs() + out.abs()
            return self.scale - self.scale * torch.exp(-t * rate) * out, rate
        *directions, a, b = out.chunk(self.branches, 1)
        f, *others = map(torch.tanh, directions)
        g = others[0] if others else own
        s = torch.sigmoid(a * t + b)
        return f + s * g if self.mode == "no_gate" else f + s * (g - f), a.abs()


def _polarity(wiring: Wiring, start: int, count: int) -> Tensor:
    """(N, C + U) polarities of the neurons from `start`, inputs first; missing self-synapses get a free sign."""
    sensory = torch.from_numpy(wiring.sensory[:, start : start + count]).T
    recurrent = torch.from_numpy(wiring.recurrent[:, start : start + count]).T
    whole = torch.cat((sensory, recurrent), 1).to(torch.get_default_dtype())
    rows = torch.arange(count)
    own = wiring.inputs + start + rows
    whole[rows, own] = torch.where(whole[rows, own] == 0, 2.0, whole[rows, own])
    return whole


def check_wiring(wiring: Wiring | None, inputs: int, units: int) -> None:
    """Raises ConfigError where the sizes of a wiring and of the cell differ."""
    if wiring is not None and (wiring.inputs, wiring.units) != (inputs, units):
        raise ConfigError(
            f"the wiring has {wiring.inputs} inputs and {wiring.units} units, the cell {inputs} and {units}."
        )
