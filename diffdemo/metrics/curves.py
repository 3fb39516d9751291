"""Between the measured points of a curve: values are linear over the logarithm of the rate, as in BD-rates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import METRICS

BEYOND = 1e-3
"""How far above the last point, as a share of its rate, its value still holds: files end a few bytes early."""


def value_at(
    points: Sequence[CurvePoint], name: str, rate: float, unit: Literal["bpp", "num_bytes"] = "bpp"
) -> float | None:
    """A curve's value at a rate; None outside of what was measured.

    Args:
        points: in any order. Of equal rates the best counts, and none that is lossless or without a finite value.
        rate: in the unit.
        unit: of rates.
    """
    known = [
        (getattr(point, unit), value)
        for point in points
        if point.is_finite and (value := point.values.get(name)) is not None and math.isfinite(value)
    ]
    best = dict(sorted(known, key=lambda place: (place[0], place[1] if METRICS[name].higher_is_better else -place[1])))
    rates = [each for each in best if each > 0]
    if not rates or not rates[0] <= rate <= rates[-1] * (1 + BEYOND):
        return None
    return float(np.interp(math.log(rate), np.log(rates), [best[each] for each in rates]))


def bytes_needed(points: Sequence[CurvePoint], psnr_db: float) -> int | None:
    """File size at which a curve reaches a PSNR; only those of its points count that `rising` keeps.

    Returns:
        Bytes, or None outside of the measured range.
    """
    best = rising(points)
    if not best or not best[0].psnr_db <= psnr_db <= best[-1].psnr_db:
        return None
    log_bytes = np.interp(psnr_db, [point.psnr_db for point in best], [math.log(point.num_bytes) for point in best])
    return round(math.exp(float(log_bytes)))


def rising(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Those points whose PSNR is finite and above that of all that cost as much or less, by rising rate."""
    best: list[CurvePoint] = []
    for point in sorted(points, key=lambda point: (point.bpp, -point.psnr_db)):
        if point.bpp > 0 and point.is_finite and (not best or point.psnr_db > best[-1].psnr_db):
            best.append(point)
    return best
