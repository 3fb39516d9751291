"""The lines of a results file as curves: which of several lines about one thing counts."""

from __future__ import annotations

from collections.abc import Sequence

from diffdemo.measure.results.joined import joined
from diffdemo.measure.results.lines import Row, picture_key
from diffdemo.metrics.points import CurvePoint


def latest(rows: Sequence[Row]) -> list[Row]:
    """Lines with points, one for each curve and picture.

    Args:
        rows: lines of a results file; of several about a curve and a picture the last one counts, unless they are about
            models of one rate each, which make one curve together.
    """
    found: dict[tuple[str, str], Row] = {}
    for row in joined(rows):
        if "points" in row:
            found[row["codec"], picture_key(row)] = row
    return list(found.values())


def curves_of(rows: Sequence[Row]) -> dict[str, dict[str, list[CurvePoint]]]:
    """Codec to picture to points, of what `latest` has chosen."""
    curves: dict[str, dict[str, list[CurvePoint]]] = {}
    for row in rows:
        points = [CurvePoint.from_json(point) for point in row["points"]]
        curves.setdefault(row["codec"], {})[picture_key(row)] = points
    return curves
