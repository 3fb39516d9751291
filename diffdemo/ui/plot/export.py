"""The points of the plot as numbers: for a file to keep, or for a program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from diffdemo.metrics.published import Published
from diffdemo.metrics.registry import METRICS
from diffdemo.ui.plot.lines import Line


def rows(lines: Sequence[Line], others: Sequence[Published] = ()) -> list[dict[str, Any]]:
    """One row for each point; what is not known or infinite is None, and our own have no source."""
    own = [
        {"line": line.label, **point.to_json(), "is_estimate": False, "source": None}
        for line in lines
        for point in line.points
    ]
    return own + [_published_row(curve, bpp, value) for curve in others for bpp, value in curve.points]


def _columns() -> list[str]:
    return ["line", "num_bytes", "bpp", *METRICS, "is_estimate", "source"]


def _published_row(curve: Published, bpp: float, value: float) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(_columns()) | {"line": f"{curve.label}, {curve.dataset}", "bpp": bpp}
    return row | {curve.metric: value, "is_estimate": curve.is_estimate, "source": curve.source.url}


def to_csv(points: Sequence[dict[str, Any]]) -> bytes:
    """The rows as comma-separated values."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _columns(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(points)
    return out.getvalue().encode()


def to_json(points: Sequence[dict[str, Any]]) -> bytes:
    """The rows as a list of objects."""
    return json.dumps(points, indent=1).encode()
