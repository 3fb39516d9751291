"""A codec's curve over many pictures as one curve of means, as publications print it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from diffdemo.metrics.curves import rising, value_at
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS

NUM_RATES = 12
"""Of a curve of means at equal rates or slopes."""


class How(Enum):
    """What is equal on all pictures where means are taken."""

    SETTINGS = "equal settings"
    RATES = "equal bits per pixel, interpolated over the logarithm of the rate"
    SLOPES = "equal slopes of squared error over rate"


@dataclass(frozen=True, slots=True)
class MeanPoint:
    """A place on such a curve: mean bits per pixel, and means of metrics by their names."""

    bpp: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class MeanCurve:
    """A curve of means.

    Attributes:
        points: by rising rate; all have the same metrics.
        left_out: settings at which a picture has no finite PSNR.
    """

    points: tuple[MeanPoint, ...]
    how: How
    num_pictures: int
    left_out: int = 0

    @property
    def description(self) -> str:
        """What was averaged, in words."""
        lossless = f", without {self.left_out} at which a picture is lossless" if self.left_out else ""
        return f"mean over {self.num_pictures} pictures at {self.how.value}{lossless}"


def mean_curve(pictures: Mapping[str, Sequence[CurvePoint]]) -> MeanCurve:
    """At equal settings where all pictures have a point for each, else at equal rates.

    Args:
        pictures: to their points, which stand in the order of the settings.
    """
    counts = {len(points) for points in pictures.values()}
    return at_settings(pictures) if len(counts) == 1 else at_rates(pictures)


def at_settings(pictures: Mapping[str, Sequence[CurvePoint]]) -> MeanCurve:
    """Means of the first points, of the second ones, and so on, which all pictures must have."""
    rows = list(zip(*pictures.values(), strict=True))
    finite = [row for row in rows if all(point.is_finite for point in row)]
    names = [name for name in METRICS if finite and all(_values(row, name) for row in finite)]
    points = [
        MeanPoint(
            float(np.mean([point.bpp for point in row])),
            {name: float(np.mean(_values(row, name))) for name in names},
        )
        for row in finite
    ]
    ordered = tuple(sorted(points, key=lambda point: point.bpp))
    return MeanCurve(ordered, How.SETTINGS, len(pictures), len(rows) - len(finite))


def at_rates(pictures: Mapping[str, Sequence[CurvePoint]]) -> MeanCurve:
    """Means at rates that all pictures reach, in equal ratios; each picture is interpolated by itself.

    The range is that in which everything is known that was measured of all pictures.
    """
    names = [name for name in METRICS if all(len(_rates(points, name)) > 1 for points in pictures.values())]
    ends = [(min(rates), max(rates)) for name in names for p in pictures.values() if (rates := _rates(p, name))]
    low, high = (max(end[0] for end in ends), min(end[1] for end in ends)) if ends else (1.0, 0.0)
    if BASE not in names or low >= high:
        return MeanCurve((), How.RATES, len(pictures))
    points = []
    for rate in np.geomspace(low, high, NUM_RATES).clip(low, high):
        found = {name: [value_at(each, name, rate) for each in pictures.values()] for name in names}
        means = {
            name: float(np.mean([value for value in values if value is not None])) for name, values in found.items()
        }
        points.append(MeanPoint(float(rate), means))
    return MeanCurve(tuple(points), How.RATES, len(pictures))


def at_slopes(pictures: Mapping[str, Sequence[CurvePoint]]) -> MeanCurve:
    """Means where a bit more lowers the squared error of all pictures by the same: what a codec's setting comes to.

    An encoder of one setting minimises D + lambda R on every picture, so that all of them end at the slope
    dD/dR = -lambda (Sullivan, Wiegand 1998, "Rate-distortion optimization for video compression"). A codec that is
    aimed at rates has no settings; its slopes are those between the neighbouring points of each picture.
    """
    curves = [rising(points) for points in pictures.values()]
    if not curves or min(map(len, curves)) < 3:
        return MeanCurve((), How.SLOPES, len(curves))
    places = [_slopes(curve) for curve in curves]
    steep, flat = min(slopes[0] for slopes, _ in places), max(slopes[-1] for slopes, _ in places)
    if steep <= flat:
        return MeanCurve((), How.SLOPES, len(curves))
    points = []
    for slope in np.linspace(steep, flat, NUM_RATES):
        # Slopes fall with the rate; `interp` wants them to rise.
        logs = [float(np.interp(-slope, -slopes, rates)) for slopes, rates in places]
        values = [
            np.interp(log, [math.log(point.bpp) for point in curve], [point.psnr_db for point in curve])
            for log, curve in zip(logs, curves, strict=True)
        ]
        points.append(MeanPoint(float(np.mean(np.exp(logs))), {BASE: float(np.mean(values))}))
    return MeanCurve(tuple(points), How.SLOPES, len(curves))


def _slopes(curve: Sequence[CurvePoint]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Between neighbours: ln(-dD/dR), falling, up to a constant; and ln R in the middle between them."""
    rates = np.array([point.bpp for point in curve])
    errors = 10 ** (-np.array([point.psnr_db for point in curve]) / 10)
    slopes = -np.diff(errors) / np.diff(rates)
    return np.log(np.minimum.accumulate(slopes)), np.log(rates[1:] * rates[:-1]) / 2


def _values(row: Sequence[CurvePoint], name: str) -> list[float]:
    """Of all points of a row, or none if one has no finite value."""
    values = [value for point in row if (value := point.values.get(name)) is not None and math.isfinite(value)]
    return values if len(values) == len(row) else []


def _rates(points: Sequence[CurvePoint], name: str) -> list[float]:
    """At which a metric is known."""
    return [p.bpp for p in points if p.is_finite and (v := p.values.get(name)) is not None and math.isfinite(v)]
