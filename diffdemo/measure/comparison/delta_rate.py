"""Difference in rate between two codecs at equal PSNR: picture by picture, then over all pictures that both have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diffdemo.measure.comparison.intervals import Interval, mean_interval
from diffdemo.metrics.curves import rising
from diffdemo.metrics.points import CurvePoint

LOWEST_PSNR = 25.0
"""In dB. BD-rates leave out what lies below, where JPEG has fallen to pieces and any comparison is flattering."""
ENOUGH_POINTS = 8
"""Of a curve: with fewer, what lies between its points decides too much."""
METHOD = (
    f"BD-rate: file bytes at equal PSNR, Akima interpolation of the logarithm of the rate, on each picture over the "
    f"range that both curves cover from {LOWEST_PSNR:g} dB on, mean over pictures [95 % bootstrap interval over them]"
)

Pictures = Mapping[str, Sequence[CurvePoint]]
"""Picture to its points."""


@dataclass(frozen=True, slots=True)
class DeltaRate:
    """Two codecs on the pictures that both have.

    Attributes:
        rates: percent of each picture, negative where `tested` needs fewer bits.
        range_db: where the compared ranges of PSNR begin and end; medians over the pictures.
        few: pictures in `rates` one of whose curves has fewer than `ENOUGH_POINTS` points from `LOWEST_PSNR` on.
        short: pictures left out since one of the curves has fewer than two points.
        apart: pictures left out since the curves have no qualities in common.
    """

    anchor: str
    tested: str
    rates: Mapping[str, float]
    range_db: tuple[float, float]
    few: int
    short: int
    apart: int

    @property
    def mean(self) -> Interval:
        """Over the pictures, of which there must be one."""
        return mean_interval(list(self.rates.values()))

    def text(self) -> str:
        """All of it in a line."""
        left_out = f"; too few finite points on {self.short}" if self.short else ""
        left_out += f"; nothing in common on {self.apart}" if self.apart else ""
        name = f"{self.tested} against {self.anchor}"
        if not self.rates:
            return f"{name}: no qualities in common from {LOWEST_PSNR:g} dB on{left_out}"
        rates = list(self.rates.values())
        low, high = self.range_db
        few = f"; fewer than {ENOUGH_POINTS} points on {self.few}" if self.few else ""
        return (
            f"{name}: {self.mean.text('+.1f', ' %')} (worst {max(rates):+.1f} %, "
            f"better on {sum(rate < 0 for rate in rates)} of {len(rates)}{left_out}), {low:.1f} to {high:.1f} dB{few}"
        )


def delta_rate(curves: Mapping[str, Pictures], anchor: str, tested: str) -> DeltaRate | None:
    """Compare two of the codecs; None if they have no picture in common."""
    both = [picture for picture in curves.get(tested, {}) if picture in curves.get(anchor, {})]
    if not both:
        return None
    rates: dict[str, float] = {}
    ranges, few, short = [], 0, 0
    for picture in both:
        pair = [comparable(curves[name][picture]) for name in (anchor, tested)]
        fewest = min(map(len, pair))
        short += fewest < 2
        rate = bd_rate(*pair)
        if rate is not None:
            rates[picture] = rate
            ranges.append((max(each[0].psnr_db for each in pair), min(each[-1].psnr_db for each in pair)))
            few += fewest < ENOUGH_POINTS
    low, high = np.median(ranges, axis=0) if ranges else (math.nan, math.nan)
    return DeltaRate(anchor, tested, rates, (float(low), float(high)), few, short, len(both) - len(rates) - short)


def bd_rate(anchor: Sequence[CurvePoint], tested: Sequence[CurvePoint]) -> float | None:
    """Average difference in rate at equal PSNR, in percent; negative where `tested` needs fewer bits.

    Akima interpolation over the range of PSNR that both curves cover from `LOWEST_PSNR` on (package `bjontegaard`).

    Returns:
        None if there is no such range, as between curves with fewer than two points whose PSNR is finite.
    """
    curves = comparable(anchor), comparable(tested)
    return akima_rate(*([(point.bpp, point.psnr_db) for point in curve] for curve in curves))


def akima_rate(anchor: Sequence[tuple[float, float]], tested: Sequence[tuple[float, float]]) -> float | None:
    """The same of curves whose points are bits per pixel and a quality that rises with them; None as `bd_rate`."""
    import bjontegaard

    if min(len(anchor), len(tested)) < 2:
        return None
    if max(anchor[0][1], tested[0][1]) >= min(anchor[-1][1], tested[-1][1]):
        return None
    arrays = [[point[i] for point in curve] for curve in (anchor, tested) for i in (0, 1)]
    rate = float(bjontegaard.bd_rate(*arrays, method="akima", require_matching_points=False, min_overlap=0))
    return rate if math.isfinite(rate) else None


def comparable(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Those points from `LOWEST_PSNR` on that are better than all that cost less."""
    return [point for point in rising(points) if point.psnr_db >= LOWEST_PSNR]
