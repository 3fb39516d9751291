"""Our means beside curves that were published about the same pictures: the difference in rate at equal PSNR.

A publication averages rate and PSNR over the pictures at each of its codec's settings. Codecs that are aimed at a rate
have no such settings; their means are taken at equal rates, which flatters a little, and at equal slopes, which is what
a setting comes to. How much either matters is shown on codecs whose settings are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from diffdemo.measure.comparison.delta_rate import LOWEST_PSNR, Pictures, bd_rate, comparable
from diffdemo.measure.comparison.mean_points import MeanCurve, at_rates, at_settings, at_slopes
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.published import Published
from diffdemo.metrics.registry import BASE
from diffdemo.plain_text import aligned

FEWEST_POINTS = 4
"""Of a published curve from there on: the four of Bjontegaard's own method (VCEG-M33, 2001)."""
HEAD = ("published curve", "rates are", "points", "from", "at equal rates", "at equal slopes")


def published_table(codec: str, pictures: Pictures, others: Sequence[Published]) -> Iterator[str]:
    """How many bits a codec of ours needs for the PSNR of each published curve, in percent more or less.

    Args:
        codec: its name.
        pictures: its points, on exactly the pictures that the others are about.
        others: curves of PSNR.
    """
    rows = list(differences(pictures, others))
    if not rows:
        return
    yield (
        f"{codec} against published curves of the same {len(pictures)} pictures: BD-rate of means, from "
        f"{LOWEST_PSNR:g} dB on; theirs are means at equal settings, ours at equal rates and at equal slopes dMSE/dR"
    )
    yield from aligned([HEAD, *rows], left=(0, 3))


def differences(pictures: Pictures, others: Sequence[Published]) -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    ours = [_points(curve) for curve in (at_rates(pictures), at_slopes(pictures))]
    for curve in others:
        theirs = [CurvePoint(0, bpp, {BASE: value}) for bpp, value in curve.points]
        enough = len(comparable(theirs)) >= FEWEST_POINTS
        found = [bd_rate(theirs, each) for each in ours] if enough else []
        if any(rate is not None for rate in found):
            cells = ("-" if rate is None else f"{rate:+.1f} %" for rate in found)
            yield (curve.label, curve.rate_is, str(len(comparable(theirs))), curve.source.title, *cells)


def _points(curve: MeanCurve) -> list[CurvePoint]:
    return [CurvePoint(0, point.bpp, point.values) for point in curve.points]


def averaging_check(curves: Mapping[str, Pictures]) -> Iterator[str]:
    """How far means at equal rates and slopes lie from those at equal settings, for codecs that have settings."""
    for name, pictures in curves.items():
        if len({len(points) for points in pictures.values()}) != 1:
            continue
        settings, *others = (_points(take(pictures)) for take in (at_settings, at_rates, at_slopes))
        found = [bd_rate(settings, other) for other in others]
        if None not in found:
            rates, slopes = found
            yield f"{name}, over its means at settings: {rates:+.1f} % at equal rates, {slopes:+.1f} % at equal slopes"


def own_curves(curves: Mapping[str, Pictures], wanted: frozenset[str]) -> dict[str, Pictures]:
    """Those codecs that have all pictures of a set, on these."""
    return {
        name: {picture: points for picture, points in pictures.items() if picture in wanted}
        for name, pictures in curves.items()
        if wanted <= set(pictures)
    }
