"""All metrics that compare a picture with its original: what is measured, shown, drawn, summarised and exported.

To add one, write what computes it in a file of its own and enter it in `METRICS`; nothing else names metrics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import count
from typing import Any

from diffdemo.images import Pixels
from diffdemo.metrics import cvvdp, dists, lpips, ssimulacra2
from diffdemo.metrics.distortion import ms_ssim, psnr_db

Values = Mapping[str, float | None]
"""Values by names of metrics: None where one is undefined, nothing where it was not measured."""
MAX_TICKS = 7
"""Numbers at an axis."""


class When(IntEnum):
    """When a metric is worth its time: on every frame, on pictures that stay, or if somebody asks for it."""

    FRAME = 0
    REST = 1
    ASKED = 2


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: in JSON, CSV and results files.
        label: what people call it.
        measure: original and picture, both uint8 [H,W,3] of one size, to a value; None where it is undefined.
        when: what it is measured for.
        unit: of values; where there is one it tells the metric, and the label is left out of short texts.
        digits: format of a value.
        higher_is_better: otherwise it is a distance, which is never less than 0.
        nears_one: whether good values crowd below 1, so that it is drawn as -10 log10(1 - value).
        least_span: what an axis covers at least, in heights of the plot.
        usual: worst and best value at the ends of an axis on which there is nothing yet.
        missing: why it cannot be measured here, in a sentence; "" if it can.
        how_to_get: commands that bring what is missing.
    """

    name: str
    label: str
    measure: Callable[[Pixels, Pixels], float | None]
    when: When
    unit: str = ""
    digits: str = ".4f"
    higher_is_better: bool = True
    nears_one: bool = False
    least_span: float = 0.2
    usual: tuple[float, float] = (0.0, 1.0)
    missing: Callable[[], str] = lambda: ""
    how_to_get: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """Label and unit, over a table."""
        return f"{self.label}, {self.unit}" if self.unit else self.label

    def height(self, value: float | None) -> float | None:
        """A value as it is drawn and compared, so that up is better; None for one that has no place on an axis.

        What nears 1 becomes decibels of what is missing, and a distance is negative.
        """
        if value is None or not math.isfinite(value) or (self.nears_one and value >= 1):
            return None
        if self.nears_one:
            return -10 * math.log10(1 - value)
        return value if self.higher_is_better else -value

    def ticks(self, low: float, high: float) -> dict[str, list[Any]]:
        """What plotly has to be told about an axis between two heights: distances stand at it without the sign."""
        if self.higher_is_better:
            return {}
        round_steps = (each * 10.0**power for power in count(-2) for each in (1, 2, 5))
        step = next(step for step in round_steps if (high - low) / step <= MAX_TICKS)
        numbers = [number * step for number in range(max(0, math.ceil(-high / step)), math.floor(-low / step) + 1)]
        return {"tickvals": [-number for number in numbers], "ticktext": [f"{number:g}" for number in numbers]}

    def number(self, value: float) -> str:
        """A value with its unit."""
        return f"{value:{self.digits}} {self.unit}".rstrip()

    def text(self, value: float) -> str:
        """A value among others: "33.10 dB", "MS-SSIM 0.9912"."""
        return self.number(value) if self.unit else f"{self.label} {self.number(value)}"


BASE = "psnr_db"
"""The metric that every point of a curve has, and by which files are compared."""
METRICS = {
    metric.name: metric
    for metric in (
        Metric(BASE, "PSNR", psnr_db, When.FRAME, "dB", ".2f", least_span=8.0, usual=(20.0, 40.0)),
        Metric("ms_ssim", "MS-SSIM", ms_ssim, When.REST, nears_one=True, least_span=8.0, usual=(0.99, 0.9999)),
        Metric(
            "lpips",
            "LPIPS",
            lpips.lpips,
            When.ASKED,
            higher_is_better=False,
            usual=(0.6, 0.0),
            missing=lpips.missing,
            how_to_get=lpips.HOW_TO_GET,
        ),
        Metric(
            "dists",
            "DISTS",
            dists.dists,
            When.ASKED,
            higher_is_better=False,
            usual=(0.4, 0.0),
            missing=dists.missing,
            how_to_get=dists.HOW_TO_GET,
        ),
        Metric(
            "ssimulacra2",
            "SSIMULACRA2",
            ssimulacra2.ssimulacra2,
            When.ASKED,
            digits=".2f",
            least_span=20.0,
            usual=(0.0, 100.0),
            missing=ssimulacra2.missing,
            how_to_get=ssimulacra2.HOW_TO_GET,
        ),
        Metric(
            "cvvdp",
            "CVVDP",
            cvvdp.cvvdp,
            When.ASKED,
            "JOD",
            ".2f",
            least_span=1.0,
            usual=(6.0, 10.0),
            missing=cvvdp.missing,
            how_to_get=cvvdp.HOW_TO_GET,
        ),
    )
}
"""By name, in the order in which they are told."""


def available() -> list[Metric]:
    """Those that can be measured here."""
    return [metric for metric in METRICS.values() if not metric.missing()]


def until(when: When) -> list[str]:
    """Names of the metrics that are measured at an occasion: those for it, and those for less."""
    return [name for name, metric in METRICS.items() if metric.when <= when]


def measure(original: Pixels | None, picture: Pixels, names: Collection[str], known: Values | None = None) -> Values:
    """Values of some metrics, in the order of `METRICS`.

    Args:
        original: uint8 [H,W,3]; None where nobody has it, which gives no values.
        picture: of the same size.
        names: what to measure; what cannot be measured here is None.
        known: values that need not be measured again; they are part of the result.
    """
    if original is None:
        return {}
    found = dict(known or {})
    for name in names:
        if name not in found:
            metric = METRICS[name]
            found[name] = None if metric.missing() else metric.measure(original, picture)
    return {name: found[name] for name in METRICS if name in found}


def told(values: Values) -> list[str]:
    """What is known, as short texts."""
    known = ((metric, values.get(name)) for name, metric in METRICS.items())
    return [metric.text(value) for metric, value in known if value is not None]
