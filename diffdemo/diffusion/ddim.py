"""Decoding by DDIM: a few of the steps that the model was trained on, with as much fresh noise as asked for.

Source: Song, Meng, Ermon 2021 (arXiv:2010.02502), eq. 12 and 16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from torch import Tensor

from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.schedule import Schedule


def ddim(
    predict: Callable[[Tensor, float, int], tuple[Tensor, Tensor]],
    schedule: Schedule,
    steps: Tensor,
    start: Tensor,
    *,
    eta: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Walk down from `start`, yielding after each step the clean picture that it expects, and the state.

    Args:
        predict: (x_t, abar_t, number of the step counted from the end) -> clean picture and noise.
        schedule: abar for all steps.
        steps: the indices to visit, ascending.
        start: x at the last of them, [1,3,H,W].
        eta: 0 for the deterministic walk, 1 for the noise of ancestral sampling.
        seed: of that noise.
    """
    x = start
    for position in reversed(range(len(steps))):
        abar = float(schedule.abar[steps[position]])
        abar_next = float(schedule.abar[steps[position - 1]]) if position else 1.0
        clean, noise = predict(x, abar, position)
        fresh = eta * math.sqrt((1 - abar_next) / (1 - abar)) * math.sqrt(max(0.0, 1 - abar / abar_next))
        x = math.sqrt(abar_next) * clean + math.sqrt(max(0.0, 1 - abar_next - fresh**2)) * noise
        if fresh > 0:
            x = x + fresh * white_noise(tuple(x.shape), seed, stream=position).to(x.device)
        yield clean, x
