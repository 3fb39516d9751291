"""A metric as somebody would add one: what computes it, and its entry."""

from __future__ import annotations

import numpy as np

from diffdemo.images import Pixels
from diffdemo.metrics.registry import Metric, When


def mean_absolute_error(original: Pixels, picture: Pixels) -> float:
    """In 8-bit levels."""
    return float(np.abs(original.astype(float) - picture.astype(float)).mean())


def entry(when: When) -> Metric:
    """For the registry, measured at some occasion."""
    return Metric("mae", "MAE", mean_absolute_error, when, digits=".3f", higher_is_better=False, usual=(20.0, 0.0))
