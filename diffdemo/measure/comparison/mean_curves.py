"""Curves of many pictures as one: at fixed rates, interpolated on each picture, averaged over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from diffdemo.measure.tables import comparable, counted, mean
from diffdemo.metrics.curves import value_at
from diffdemo.metrics.points import CurvePoint
from diffdemo.metrics.registry import BASE, METRICS
from diffdemo.plain_text import aligned

RATES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0)
"""In bits per pixel."""
HIGH_BPP = 0.5
"""From here on, little is left for a decoder to make up, and the flow should lose little against the mean."""

Curves = Mapping[str, Mapping[str, Sequence[CurvePoint]]]
"""Codec to picture to points."""
Values = Mapping[str, Sequence[float | None]]
"""Picture to values at `RATES`."""


def mean_curve_tables(curves: Curves) -> Iterator[str]:
    """Every metric of all codecs over rate, a table over the same pictures. A dash: not all of them reach so far.

    Codecs that lack many of the pictures have tables of their own, beside the others on the pictures that they have.
    """
    total = len({picture for pictures in curves.values() for picture in pictures})
    for metric in METRICS.values():
        values = {codec: _values(pictures, metric.name) for codec, pictures in curves.items()}
        waiting = {codec: set(pictures) for codec, pictures in values.items() if pictures}
        while waiting:
            names, shared = comparable(_reduced(values, waiting))
            those = counted(len(shared), "picture") if len(shared) == total else f"{len(shared)} of {total} pictures"
            yield (
                f"{metric.heading}, mean over the same {those} at equal bits per pixel, "
                "interpolated over the logarithm of the rate"
            )
            rows = [
                [f"{rate:g}", *(_cell([values[codec][p][i] for p in sorted(shared)], metric.digits) for codec in names)]
                for i, rate in enumerate(RATES)
            ]
            yield from aligned([["bpp", *names], *(row for row in rows if set(row[1:]) != {"-"})])
            yield ""
            waiting = {codec: pictures for codec, pictures in waiting.items() if codec not in names}


def _reduced(values: Mapping[str, Values], waiting: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """All codecs, with those pictures only that one of those waiting for a table has."""
    wanted = max(waiting.values(), key=len)
    return {codec: set(pictures) & wanted for codec, pictures in values.items()}


def _values(pictures: Mapping[str, Sequence[CurvePoint]], name: str) -> Values:
    """At each of `RATES`; pictures that have none of them, tiny or lossless ones, are left out."""
    found = {picture: [value_at(points, name, rate) for rate in RATES] for picture, points in pictures.items()}
    return {picture: values for picture, values in found.items() if any(value is not None for value in values)}


def flow_below_mean(curves: Curves) -> Iterator[str]:
    """How far the flow lies below the posterior mean of equally many bytes, from `HIGH_BPP` on."""
    means, flows = curves.get("diffc mean", {}), curves.get("diffc flow", {})
    differences = []
    for picture in flows:
        for point in flows[picture]:
            level = value_at(means.get(picture, ()), BASE, point.bpp)
            if point.bpp >= HIGH_BPP and level is not None and point.is_finite:
                differences.append(point.psnr_db - level)
    if differences:
        yield (
            f"diffc flow against mean from {HIGH_BPP:g} bpp on: {np.mean(differences):+.2f} dB "
            f"({min(differences):+.2f} to {max(differences):+.2f} over {len(differences)} points)"
        )


def _cell(values: Sequence[float | None], digits: str) -> str:
    known = [value for value in values if value is not None]
    return mean(known, digits) if len(known) == len(values) else "-"
