"""What the recipes of DiffC and CDC say alike: how long a run is, what a step takes, and how it learns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRecipe:
    """Everything that decides the outcome besides pictures and hardware.

    Attributes:
        minutes: training time over all resumed runs; the learning rate follows the elapsed fraction of it.
        steps: if given, what is elapsed is counted in steps instead, and the outcome does not depend on the speed.
        batch, crop: crops a step, and their side; validation crops have twice that side.
        learning_rate: the highest of a run.
        muon_rate: while it is the highest, the learning rate of Muon, which moves all weights that it suits, and whose
            rate follows the other; 0 for AdamW alone.
        warmup_steps: over which the learning rate rises from zero.
        ema_decay: of the running average of the network, which is what becomes the weights.
        varied: share of crops that are seen from farther away, and of those exposed otherwise; see `variation`.
        seed: of all that is random.
    """

    minutes: float
    steps: int | None = None
    batch: int = 8
    crop: int = 128
    learning_rate: float
    muon_rate: float = 0.0
    warmup_steps: int
    ema_decay: float
    varied: float = 0.0
    seed: int = 0

    def rate(self, fraction: float) -> float:
        """Learning rate at an elapsed fraction, after warming up."""
        raise NotImplementedError


def cosine(passed: float) -> float:
    """From 1 at the beginning to 0 at the end."""
    return 0.5 * (1 + math.cos(math.pi * min(1.0, passed)))
