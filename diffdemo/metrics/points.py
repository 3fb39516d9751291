"""A reconstruction and the bytes that it took, as a point of a curve."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from diffdemo.images import Pixels
from diffdemo.metrics.distortion import bits_per_pixel
from diffdemo.metrics.registry import BASE, METRICS, Values, measure

FEW = 12
"""Points of a curve with the metrics that take longer than it takes to look at a plot."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of a rate-distortion curve, measured on 8-bit pixels and file bytes; values by metrics' names."""

    num_bytes: int
    bpp: float
    values: Values = field(hash=False)

    @property
    def psnr_db(self) -> float:
        """In decibels, of points that were measured against an original; infinite for equal pictures."""
        value = self.values[BASE]
        assert value is not None, "it is defined for any two pictures"
        return value

    @property
    def is_finite(self) -> bool:
        """Whether its PSNR is a number: it is infinite where the picture comes back exactly."""
        return math.isfinite(self.psnr_db)

    def to_json(self) -> dict[str, Any]:
        """One flat object with all metrics; None for what is not known, and for what JSON has no number for."""
        values = ((name, self.values.get(name)) for name in METRICS)
        finite = {name: None if value is None or not math.isfinite(value) else value for name, value in values}
        return {"num_bytes": self.num_bytes, "bpp": self.bpp, **finite}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> CurvePoint:
        """The inverse. Older objects lack what was not measured then, and a PSNR that is None was infinite."""
        values = {name: float(row[name]) for name in METRICS if row.get(name) is not None}
        return cls(row["num_bytes"], row["bpp"], {BASE: math.inf} | values)


def measured(original: Pixels, picture: Pixels, num_bytes: int, names: Collection[str] | None = None) -> CurvePoint:
    """Rate and distortion of a picture decoded from so many bytes, uint8 [H,W,3]; all metrics or those named."""
    height, width = original.shape[:2]
    values = measure(original, picture, METRICS if names is None else names)
    return CurvePoint(num_bytes, bits_per_pixel(num_bytes, width, height), values)


def few(items: Sequence[T]) -> Sequence[T]:
    """At most `FEW` of the items, evenly apart, from the last one backwards."""
    return items[::-1][:: -(-len(items) // FEW) or 1]
