"""A training run on disk, small enough to be carried away from a GPU that is only lent.

The network stays in single precision: what a step changes would vanish in half. Its running average is kept as the
difference to it, and the two moments of Adam as they are, all in two bytes a value: ten bytes a parameter, not sixteen.
A moment forgets within a hundred steps or so, and the error of 2^-9 a value is far below the noise of the gradients
that it averages. Muon's one is in four bytes, since small directions of it count as much as large ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from diffdemo.training.optimizer import Optimizer

ADAM = ("exp_avg", "exp_avg_sq")


def save(path: Path, state: dict[str, Any]) -> None:
    """Write `state`; what was there before stays until all of it is written."""
    partial = path.with_suffix(".tmp")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, onto the CPU."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def pack_average(average: nn.Module, network: nn.Module) -> list[Tensor]:
    """Differences of a running average to its network, in half precision."""
    pairs = zip(average.parameters(), network.parameters(), strict=True)
    return [(averaged - current).detach().half() for averaged, current in pairs]


@torch.no_grad()
def unpack_average(average: nn.Module, network: nn.Module, packed: list[Tensor]) -> None:
    """Inverse of `pack_average`."""
    for averaged, current, difference in zip(average.parameters(), network.parameters(), packed, strict=True):
        averaged.copy_(current + difference.to(current))


def pack_moments(optimizer: Optimizer) -> list[dict[str, Tensor]]:
    """What is kept of each parameter; of Adam in bfloat16, whose range holds the squares of the smallest gradients."""
    return [
        {
            name: value.bfloat16() if name in ADAM else value
            for name, value in part.state[parameter].items()
            if value.ndim
        }
        for part, parameter in _parameters(optimizer)
    ]


def unpack_moments(optimizer: Optimizer, packed: list[Any], step: int) -> None:
    """Inverse of `pack_moments`, after `step` steps."""
    for (part, parameter), moments in zip(_parameters(optimizer), packed, strict=True):
        if not moments:  # It has never been moved.
            continue
        if isinstance(moments, list):  # Of diffdemo 0.10 and before.
            moments = dict(zip(ADAM, moments, strict=True))
        kept = {name: torch.empty_like(parameter).copy_(moment) for name, moment in moments.items()}
        part.state[parameter] = {"step": torch.tensor(float(step)), **kept}


def _parameters(optimizer: Optimizer) -> list[tuple[torch.optim.Optimizer, nn.Parameter]]:
    return [
        (part, parameter) for part in optimizer.parts for group in part.param_groups for parameter in group["params"]
    ]
