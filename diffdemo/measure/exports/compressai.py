"""A codec's means in the format of CompressAI's results, which its plots and those of many papers read.

An object with `name`, `description` and `results`; in these `bpp`, `psnr-rgb`, `ms-ssim-rgb` are lists of one length,
by rising rate (github.com/InterDigitalInc/CompressAI, results/image/kodak). `source`, `hardware` and `rate` are ours,
and what `metrics.published.read_results` looks for.
"""

from __future__ import annotations

from typing import Any

from diffdemo.measure.comparison.mean_points import MeanCurve

NAMES = {"psnr_db": "psnr-rgb", "ms_ssim": "ms-ssim-rgb"}
"""Metrics that are called differently there."""


def results_json(codec: str, curve: MeanCurve, source: str, hardware: str) -> dict[str, Any]:
    """What the file says.

    Args:
        codec: name of the curve.
        curve: with at least one point.
        source: who measured, and with which version.
        hardware: on what.
    """
    metrics = curve.points[0].values
    return {
        "name": codec,
        "description": curve.description,
        "source": source,
        "hardware": hardware,
        "rate": "file",
        "results": {
            "bpp": [point.bpp for point in curve.points],
            **{NAMES.get(name, name): [point.values[name] for point in curve.points] for name in metrics},
        },
    }
