"""A training run on disk, small enough to be carried away from a GPU that is only lent.

The network stays in single precision: what a step changes would vanish in half. Its running average is kept as the
difference to it, and Adam's two moments as they are, all in two bytes a value: ten bytes a parameter instead of
sixteen. A moment forgets within a hundred steps or so, and the error of 2^-9 a value is far below the noise of the
gradients that it averages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

MOMENTS = ("exp_avg", "exp_avg_sq")


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


def pack_moments(optimizer: torch.optim.Optimizer) -> list[list[Tensor]]:
    """Adam's moments of each parameter in bfloat16, whose range holds the squares of the smallest gradients."""
    return [
        [optimizer.state[parameter][name].bfloat16() for name in MOMENTS]
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]


def unpack_moments(optimizer: torch.optim.Optimizer, packed: list[list[Tensor]], step: int) -> None:
    """Inverse of `pack_moments`, after `step` steps."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter, moments in zip(parameters, packed, strict=True):
        state: dict[str, Tensor] = {"step": torch.tensor(float(step))}
        for name, moment in zip(MOMENTS, moments, strict=True):
            state[name] = torch.empty_like(parameter).copy_(moment)
        optimizer.state[parameter] = state
