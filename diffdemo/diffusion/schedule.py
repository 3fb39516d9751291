"""The noise schedules of the two CDC families, and which of their steps a short decode visits.

Both count in abar, the share of the picture's energy that is left: x_t = sqrt(abar_t) x + sqrt(1 - abar_t) n.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Schedule:
    """abar for the steps 0 ... T-1 of training, float32 [T], falling."""

    abar: Tensor

    @property
    def num_steps(self) -> int:
        """T."""
        return len(self.abar)


def cosine_schedule(num_steps: int = 8193) -> Schedule:
    """Abar falls like a squared cosine. Source: Nichol, Dhariwal 2021 (arXiv:2102.09672), eq. 17.

    The nodes are stretched by one part in T, as in the released models.
    """
    nodes = num_steps + 1
    u = np.linspace(0, nodes, nodes, dtype=np.float64)
    f = np.cos((u / nodes + 0.008) / 1.008 * np.pi / 2) ** 2
    f /= f[0]
    beta = np.clip(1 - f[1:] / f[:-1], 0, 0.999)
    return Schedule(torch.from_numpy(np.cumprod(1 - beta).astype(np.float32)))


def linear_schedule(num_steps: int = 20000) -> Schedule:
    """Beta grows linearly. Source: Ho, Jain, Abbeel 2020 (arXiv:2006.11239), scaled from 1000 steps to T."""
    beta = np.linspace(1e-4 * 1000 / num_steps, 0.02 * 1000 / num_steps, num_steps, dtype=np.float64)
    return Schedule(torch.from_numpy(np.cumprod(1 - beta).astype(np.float32)))


def visited_steps(schedule: Schedule, count: int) -> Tensor:
    """Indices of the steps of a decode in `count` steps, ascending int64, from 0 to T-1.

    Truncated from a float32 grid, rounding errors included: some counts hit a neighbour of the exact quotient, and the
    released models are decoded with those.
    """
    return torch.linspace(0, schedule.num_steps - 1, count, dtype=torch.float32).long()
