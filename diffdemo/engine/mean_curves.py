"""Curves of many pictures as one: at fixed rates, interpolated on each picture, averaged over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from diffdemo.engine.records import CurvePoint
from diffdemo.engine.tables import aligned

RATES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0)
"""In bits per pixel."""
HIGH_BPP = 0.5
"""From here on, little is left for a decoder to make up, and the flow should lose little against the mean."""

Curves = Mapping[str, Mapping[str, Sequence[CurvePoint]]]
"""Codec to picture to points."""


def mean_curve_tables(curves: Curves) -> Iterator[str]:
    """PSNR and MS-SSIM of all codecs over rate. A dash: not all pictures of the curve reach so far."""
    for name, title, digits in (("psnr_db", "PSNR, dB", ".2f"), ("ms_ssim", "MS-SSIM", ".4f")):
        rows = [[f"{rate:g}", *(_cell(pictures, name, rate, digits) for pictures in curves.values())] for rate in RATES]
        rows = [row for row in rows if set(row[1:]) != {"-"}]
        if rows:
            yield f"{title}, mean over pictures at equal bits per pixel, interpolated over the logarithm of the rate"
            yield from aligned([["bpp", *curves], *rows])
            yield ""


def flow_below_mean(curves: Curves) -> Iterator[str]:
    """How far the flow lies below the posterior mean of equally many bytes, from `HIGH_BPP` on."""
    means, flows = curves.get("diffc mean", {}), curves.get("diffc flow", {})
    differences = []
    for picture in flows:
        for point in flows[picture]:
            level = value_at(means.get(picture, ()), "psnr_db", point.bpp)
            if point.bpp >= HIGH_BPP and level is not None:
                differences.append(point.psnr_db - level)
    if differences:
        yield (
            f"diffc flow against mean from {HIGH_BPP:g} bpp on: {np.mean(differences):+.2f} dB "
            f"({min(differences):+.2f} to {max(differences):+.2f} over {len(differences)} points)"
        )


def value_at(points: Sequence[CurvePoint], name: str, rate: float) -> float | None:
    """A curve's value at a rate; None outside of what was measured."""
    known = sorted((p.bpp, getattr(p, name)) for p in points if getattr(p, name) is not None and np.isfinite(p.psnr_db))
    if not known or not known[0][0] <= rate <= known[-1][0] * (1 + 1e-3):
        return None
    return float(np.interp(np.log(rate), np.log([bpp for bpp, _ in known]), [value for _, value in known]))


def _cell(pictures: Mapping[str, Sequence[CurvePoint]], name: str, rate: float, digits: str) -> str:
    values = [value_at(points, name, rate) for points in pictures.values()]
    known = [value for value in values if value is not None]
    return format(float(np.mean(known)), digits) if known and len(known) == len(values) else "-"
