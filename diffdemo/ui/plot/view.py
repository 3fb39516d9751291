"""What the plot of rate and distortion shows: its axes, which lines, and whose published curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from diffdemo.engine import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS
from diffdemo.ui.memory.session import Shown
from diffdemo.ui.plot.figure import padded

Across = Literal["bpp", "bytes"]
Scale = Literal["linear", "log"]

ACROSS = {"bpp": "bits per pixel", "bytes": "bytes of the file"}
SWEEP = "sweep"
_MIN_BPP = 0.5
"""Axes never show less, so that they hold still while the first points arrive."""
_MIN_DECADES = 1.0
_MAX_DECADES = 3.0
Sized = CurvePoint | Shown
"""What has a number of bytes, and the same in bits per pixel."""


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor wants the plot to show.

    Attributes:
        metric: upwards.
        across: unit of the rate.
        scale: of the rate.
        hidden: kinds of lines that are switched off; see `lines.kinds`.
        others: set of published curves beside them, see `published`; "" for none.
        sweeps: whether to compute the curves of all codecs that are not embedded, too.
    """

    metric: str = BASE
    across: Across = "bpp"
    scale: Scale = "linear"
    hidden: frozenset[str] = frozenset()
    others: str = ""
    sweeps: bool = False

    @classmethod
    def read(cls, text: str) -> View:
        """What words stand for, such as "psnr_db" or "ms_ssim bytes log -jpeg"; unknown ones mean nothing."""
        words = text.split()
        return cls(
            metric=next((word for word in words if word in METRICS), BASE),
            across="bytes" if "bytes" in words else "bpp",
            scale="log" if "log" in words else "linear",
            hidden=frozenset(word[1:] for word in words if word.startswith("-")),
            others=next((word[1:] for word in words if word.startswith("+")), ""),
            sweeps=SWEEP in words,
        )

    def words(self) -> str:
        """The view as words, the measure first."""
        others = [f"+{self.others}"] if self.others else []
        sweeps = [SWEEP] if self.sweeps else []
        hidden = [f"-{kind}" for kind in sorted(self.hidden)]
        return " ".join([self.metric, self.across, self.scale, *hidden, *others, *sweeps])

    def x(self, item: Sized) -> float:
        """Where something lies across."""
        return item.bpp if self.across == "bpp" else float(item.num_bytes)

    def y(self, point: CurvePoint) -> float | None:
        """Where a point lies upwards; None where that is not known, or infinite."""
        return height(point.values.get(self.metric), self.metric)

    def on_axis(self, x: float) -> float:
        """A place across as plotly wants it in ranges and annotations, which on a logarithmic axis is an exponent."""
        return math.log10(x) if self.scale == "log" else x


def title(metric: str) -> str:
    """What stands at the axis upwards."""
    kind = METRICS[metric]
    if not kind.higher_is_better:
        return f"{kind.label}, better is up"
    return f"{kind.label}, dB" if kind.nears_one else kind.heading


def height(value: float | None, metric: str) -> float | None:
    """A value as it is drawn, see `Metric.height`; what stands at the axis, see `Metric.ticks`."""
    return METRICS[metric].height(value)


def width_of(view: View, own: Sequence[float], others: Sequence[float], num_pixels: int) -> tuple[float, float]:
    """Where the plot begins and ends across.

    It follows what is the visitor's own, because the classical codecs can go on far beyond what is being looked at;
    of published curves at least a half must be in sight.
    """
    least = _MIN_BPP if view.across == "bpp" else _MIN_BPP * num_pixels / 8
    highest = max(least, 1.15 * max(own, default=0.0))
    if others:
        highest = max(highest, 1.15 * sorted(others)[len(others) // 2])
    if view.scale == "linear":
        return 0.0, highest
    lowest = 0.85 * min([x for x in (*own, *others) if x > 0], default=highest)
    return min(max(lowest, highest / 10**_MAX_DECADES), highest / 10**_MIN_DECADES), highest


def heights_of(heights: Sequence[float], metric: str = BASE) -> tuple[float, float]:
    """Where the plot begins and ends upwards."""
    kind = METRICS[metric]
    if not heights:
        low, high = (height(value, metric) or 0.0 for value in kind.usual)
        return low, high
    low, high = padded(heights, 0.06, kind.least_span)
    beyond = 0.0 if kind.higher_is_better else max(0.0, high)  # No distance is less than none.
    return low - beyond, high - beyond
