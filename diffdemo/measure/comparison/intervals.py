"""How sure a mean over pictures is: the pictures are a sample, and others would have given another mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
RESAMPLES = 9999
FEWEST = 8
"""Values from which an interval is given: with fewer, resampled means are far too sure of themselves."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the interval in which that of all such pictures lies at a confidence of `LEVEL`.

    Attributes:
        low, high: None below `FEWEST` values.
    """

    mean: float
    low: float | None
    high: float | None

    def text(self, digits: str, unit: str = "") -> str:
        """The mean with its interval, where there is one: "-57.1 % [-59.0, -55.3]"."""
        mean = f"{self.mean:{digits}}{unit}"
        if self.low is None or self.high is None:
            return mean
        return f"{mean} [{self.low:{digits}}, {self.high:{digits}}]"


def mean_interval(values: Sequence[float]) -> Interval:
    """The mean of finite values, one a picture, and its bootstrap interval over the pictures.

    Bias-corrected and accelerated (Efron 1987, "Better bootstrap confidence intervals"), by SciPy, with a fixed seed.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("There is no mean of nothing.")
    mean = float(np.mean(values))
    if len(values) < FEWEST:
        return Interval(mean, None, None)
    if np.ptp(values) < 1e-9 * max(1.0, abs(mean)):  # All are equal, and so are all resampled means.
        return Interval(mean, mean, mean)
    from scipy import stats

    found = stats.bootstrap(
        (np.asarray(values, np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=LEVEL,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))
