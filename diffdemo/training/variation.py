"""Pictures as they might have been taken: from farther away, or exposed otherwise.

A small set of pictures is seen hundreds of times. What is still a good picture of the same kind, and not the same one,
is the cheapest further picture there is.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

FARTHEST = 2.0
"""Times as far away at most; what is farther away is among the halved pictures."""
MOST_LOG_GAMMA = 0.4
"""Exponents of grey levels lie between exp(-0.4) and exp(0.4): two thirds and one and a half."""


def farther(side: int, most: int, generator: torch.Generator) -> int:
    """Side of a region to reduce to `side` pixels: log-uniform up to `FARTHEST` times as long, never over `most`."""
    highest = min(FARTHEST, most / side)
    return min(most, round(side * highest ** float(torch.rand((), generator=generator))))


def reduced(region: Tensor, side: int) -> Tensor:
    """A square region uint8 [3,S,S] at `side` pixels a side: uint8 [3,side,side], as it is where S is `side`."""
    if region.shape[1] == side:
        return region
    small = functional.interpolate(region[None].float(), size=(side, side), mode="bicubic", antialias=True)[0]
    return small.round().clamp(0, 255).to(torch.uint8)


def exposed_otherwise(crop: Tensor, generator: torch.Generator) -> Tensor:
    """Grey levels uint8 [3,H,W] raised to a power, log-uniform around 1: brighter or darker; black and white stay."""
    gamma = math.exp(MOST_LOG_GAMMA * (2 * float(torch.rand((), generator=generator)) - 1))
    levels = (torch.arange(256, dtype=torch.float32) / 255).pow(gamma)
    return (255 * levels).round().to(torch.uint8).to(crop.device)[crop.long()]
