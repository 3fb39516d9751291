"""All points of all curves as one table: a line a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from diffdemo.codecs.registry import CODECS
from diffdemo.measure.results.lines import Row, codec_of
from diffdemo.metrics.registry import METRICS

COLUMNS = ("picture", "sha256", "width", "height", "codec", "model", "setting", "num_bytes", "bpp", *METRICS)
"""Names of metrics are those of the registry; `setting` numbers a picture's points of a curve from 1 on."""


def csv_table(rows: Sequence[Row]) -> str:
    """RFC 4180 with a head. What is not known, and what is infinite, is empty.

    Args:
        rows: lines that have points.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        for number, point in enumerate(row["points"], start=1):
            known = {name: value for name, value in point.items() if value is not None}
            writer.writerow({**row, "model": _model(row), "setting": number, **known})
    return text.getvalue()


def _model(row: Row) -> str:
    """Whose weights a curve is of; "" where each of its points has a model of its own, and where there is none."""
    codec = CODECS.get(codec_of(row["codec"]))
    return "" if codec is None or codec.is_one_rate else str(row["settings"].get("model", ""))
