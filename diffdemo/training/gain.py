"""What further training was worth: the rate at equal quality, of one validation against another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

HOUR = 60.0


def rate_change(row: Mapping[str, float], baseline: Mapping[str, float], points: Sequence[str] | None = None) -> float:
    """Rate at equal quality relative to the baseline's, as a fraction: -0.02 is two percent fewer bits.

    After Bjontegaard (2001, VCEG-M33): the mean over quality of the difference in ln rate. Both curves are straight
    between their points (PSNR, ln bpp); the mean is over a stretch of the baseline's.

    Args:
        row, baseline: with `bpp@POINT` and `psnr@POINT` for each point that was measured.
        points: between the first and the last of them the baseline's stretch lies; None for all of it.
    """
    measured = [key.removeprefix("psnr@") for key in baseline if key.startswith("psnr@")]
    ends = [baseline[f"psnr@{point}"] for point in (points or measured)]
    quality = np.linspace(min(ends), max(ends), 200)

    def log_rate(of: Mapping[str, float]) -> NDArray[np.float64]:
        curve = np.array(sorted((of[f"psnr@{point}"], math.log(of[f"bpp@{point}"])) for point in measured))
        return np.interp(quality, curve[:, 0], curve[:, 1])

    return math.exp(float(np.mean(log_rate(row) - log_rate(baseline)))) - 1


def beside(rows: Sequence[Mapping[str, float]], others: Sequence[Mapping[str, float]]) -> float | None:
    """Rate at equal quality where a run is now, relative to where another one is; None where either has no log."""
    return rate_change(rows[-1], others[-1]) if rows and others else None


def last_hour(rows: Sequence[Mapping[str, float]]) -> tuple[float, float] | None:
    """What the last hour of a run brought, or all of a shorter one: its minutes, and the change of the rate.

    Args:
        rows: of its log, in order.

    Returns:
        None if there are less than two.
    """
    if len(rows) < 2:
        return None
    last = rows[-1]
    before = [row for row in rows if row["minutes"] <= last["minutes"] - HOUR]
    first = before[-1] if before else rows[0]
    return last["minutes"] - first["minutes"], rate_change(last, first)
