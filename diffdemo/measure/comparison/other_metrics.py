"""Difference in rate at equal values of metrics other than PSNR, which may tell another story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diffdemo.measure.comparison.delta_rate import Pictures, akima_rate
from diffdemo.measure.comparison.intervals import mean_interval
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS, Metric
from diffdemo.plain_text import aligned

FEWEST_POINTS = 4
"""Of a picture's curve: metrics that take long are measured at some of its points only."""


def other_metrics_table(curves: Mapping[str, Pictures], pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A row for each two codecs, a column for each metric that both have on any picture; nothing without any.

    Args:
        curves: codec to picture to points.
        pairs: of anchor and tested codec.
    """
    metrics = [metric for metric in METRICS.values() if metric.name != BASE]
    rows = {
        f"{tested} against {anchor}": [_cell(metric, curves, anchor, tested) for metric in metrics]
        for anchor, tested in pairs
    }
    rows = {name: cells for name, cells in rows.items() if any(cells)}
    known = [i for i in range(len(metrics)) if any(cells[i] for cells in rows.values())]
    if not known:
        return
    yield (
        "BD-rate in other metrics, all qualities that both curves reach, as above; MS-SSIM as -10 log10(1 - value) "
        "(number of pictures)"
    )
    head = ("in other metrics", *(metrics[i].label for i in known))
    yield from aligned([head, *((name, *(cells[i] or "-" for i in known)) for name, cells in rows.items())], left=(0,))


def _cell(metric: Metric, curves: Mapping[str, Pictures], anchor: str, tested: str) -> str:
    """Mean over the pictures that both have; "" without any."""
    found = []
    for picture, points in curves.get(tested, {}).items():
        rate = akima_rate(rising_in(metric, curves.get(anchor, {}).get(picture, ())), rising_in(metric, points))
        if rate is not None:
            found.append(rate)
    return f"{mean_interval(found).text('+.1f', ' %')} ({len(found)})" if found else ""


def rising_in(metric: Metric, points: Sequence[CurvePoint]) -> list[tuple[float, float]]:
    """Bits per pixel and height of those points that are better than all that cost less; none of too few points.

    The height rises with the quality: distances count as negative, and what nears one as decibels of what is missing.
    """
    known = [
        (point.bpp, height)
        for point in points
        if point.is_finite and (height := metric.height(point.values.get(metric.name))) is not None
    ]
    best: list[tuple[float, float]] = []
    for bpp, height in sorted(known, key=lambda place: (place[0], -place[1])):
        if not best or height > best[-1][1]:
            best.append((bpp, height))
    return best if len(best) >= FEWEST_POINTS else []
