"""What the plot of rate and distortion shows: its axes, which lines, and whose published curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from diffdemo.engine import CurvePoint
from diffdemo.ui.style import Metric

Across = Literal["bpp", "bytes"]
Scale = Literal["linear", "log"]

ACROSS = {"bpp": "bits per pixel", "bytes": "bytes of the file"}
TITLES = {"psnr_db": "PSNR, dB", "ms_ssim": "MS-SSIM, dB", "lpips": "LPIPS, better is up"}
SWEEP = "sweep"
_LEAST_BPP = 0.5
_LEAST_SPANS = {"psnr_db": 8.0, "ms_ssim": 8.0, "lpips": 0.2}
_EMPTY_HEIGHTS = {"psnr_db": (20.0, 40.0), "ms_ssim": (20.0, 40.0), "lpips": (-0.6, 0.0)}
"""Axes never show less, so that they hold still while the first points arrive."""
_OTHER_METRICS: tuple[Metric, ...] = ("ms_ssim", "lpips")
_LEAST_DECADES = 1.0
_MOST_DECADES = 3.0
_MOST_TICKS = 7


class Sized(Protocol):
    """Anything with a number of bytes, and the same in bits per pixel."""

    @property
    def num_bytes(self) -> int:
        """Of its file."""

    @property
    def bpp(self) -> float:
        """Of its picture."""


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor wants the plot to show.

    Attributes:
        metric: upwards.
        across: unit of the rate.
        scale: of the rate.
        hidden: kinds of lines that are switched off; see `curve_lines`.
        others: set of published curves beside them, see `overlays`; "" for none.
        sweeps: whether to compute CDC's curve beside a DiffC file, too.
    """

    metric: Metric = "psnr_db"
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
            metric=next((metric for metric in _OTHER_METRICS if metric in words), "psnr_db"),
            across="bytes" if "bytes" in words else "bpp",
            scale="log" if "log" in words else "linear",
            hidden=frozenset(word[1:] for word in words if word.startswith("-")),
            others=next((word[1:] for word in words if word.startswith("+")), ""),
            sweeps=SWEEP in words,
        )

    def words(self) -> str:
        """The same as words, the measure first."""
        others = [f"+{self.others}"] if self.others else []
        sweeps = [SWEEP] if self.sweeps else []
        hidden = [f"-{kind}" for kind in sorted(self.hidden)]
        return " ".join([self.metric, self.across, self.scale, *hidden, *others, *sweeps])

    def x(self, item: Sized) -> float:
        """Where something lies across."""
        return item.bpp if self.across == "bpp" else float(item.num_bytes)

    def y(self, point: CurvePoint) -> float | None:
        """Where a point lies upwards; None where that is not known, or infinite."""
        return height(value_of(point, self.metric), self.metric)

    def on_axis(self, x: float) -> float:
        """A place across as plotly wants it in ranges and annotations, which on a logarithmic axis is an exponent."""
        return math.log10(x) if self.scale == "log" else x


def value_of(point: CurvePoint, metric: Metric) -> float | None:
    """What was measured at a point."""
    return {"psnr_db": point.psnr_db, "ms_ssim": point.ms_ssim, "lpips": point.lpips}[metric]


def height(value: float | None, metric: Metric) -> float | None:
    """A value as it is drawn, so that up is better.

    MS-SSIM as -10 log10(1 - MS-SSIM), so that values close to one stay apart; LPIPS downwards, see `ticks`.
    """
    if value is None or not math.isfinite(value):
        return None
    if metric == "ms_ssim":
        return -10 * math.log10(1 - value) if value < 1 else None
    return -value if metric == "lpips" else value


def ticks(metric: Metric, heights: tuple[float, float]) -> dict[str, Any]:
    """What plotly has to be told about the numbers at the axis upwards: LPIPS has them without the sign."""
    if metric != "lpips":
        return {}
    low, high = heights
    step = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, math.inf) if (high - low) / step <= _MOST_TICKS)
    numbers = [number * step for number in range(max(0, math.ceil(-high / step)), math.floor(-low / step) + 1)]
    return {"tickvals": [-number for number in numbers], "ticktext": [f"{number:g}" for number in numbers]}


def width_of(view: View, own: Sequence[float], others: Sequence[float], num_pixels: int) -> tuple[float, float]:
    """Where the plot begins and ends across.

    It follows what is the visitor's own, because the classical codecs can go on far beyond what is being looked at;
    of published curves at least a half must be in sight.

    Args:
        view: what is shown.
        own: rates of DiffC, of CDC and of what is on the stage.
        others: rates of published curves.
        num_pixels: of the picture.
    """
    least = _LEAST_BPP if view.across == "bpp" else _LEAST_BPP * num_pixels / 8
    highest = max(least, 1.15 * max(own, default=0.0))
    if others:
        highest = max(highest, 1.15 * sorted(others)[len(others) // 2])
    if view.scale == "linear":
        return 0.0, highest
    lowest = 0.85 * min([x for x in (*own, *others) if x > 0], default=highest)
    return min(max(lowest, highest / 10**_MOST_DECADES), highest / 10**_LEAST_DECADES), highest


def heights_of(heights: Sequence[float], metric: Metric = "psnr_db") -> tuple[float, float]:
    """Where the plot begins and ends upwards."""
    if not heights:
        return _EMPTY_HEIGHTS[metric]
    span = max(heights) - min(heights)
    margin = max(0.06 * span, (_LEAST_SPANS[metric] - span) / 2)
    low, high = min(heights) - margin, max(heights) + margin
    beyond = max(0.0, high) if metric == "lpips" else 0.0  # No distance is less than none.
    return low - beyond, high - beyond
