"""Everything that others read, in a folder: CSV, CompressAI's results, codec-compare's batches."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffdemo import __version__
from diffdemo.measure.comparison.mean_points import mean_curve
from diffdemo.measure.exports.codec_compare import batch
from diffdemo.measure.exports.compressai import results_json
from diffdemo.measure.exports.csv_table import csv_table
from diffdemo.measure.results.curves import curves_of, latest
from diffdemo.measure.results.lines import Row
from diffdemo.measure.writing import write_text

TABLE = "points.csv"
LIST = "batches.json"
"""Of codec-compare: paths of its batches, for `index.html?load=`."""


def export(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write all files, over those of an earlier export.

    Args:
        rows: lines of a results file.
        folder: is made if it does not exist.

    Returns:
        The files: `points.csv`, `compressai/CURVE.json` of each curve whose pictures share a range, and
        `codec-compare/CURVE.json` with `codec-compare/batches.json`.

    Raises:
        DiffDemoError: the folder cannot be made, or a file cannot be written.
    """
    with_points = latest(rows)
    written = [write_text(folder / TABLE, csv_table(with_points))]
    batches = []
    for codec, pictures in curves_of(with_points).items():
        file = f"{_word(codec)}.json"
        means = mean_curve(pictures)
        own = [row for row in with_points if row["codec"] == codec]
        if means.points:
            hardware = "; ".join(sorted({str(row.get("hardware", "not said")) for row in own}))
            content = results_json(codec, means, f"diffdemo {__version__}", hardware)
            written.append(write_text(folder / "compressai" / file, _json(content)))
        written.append(write_text(folder / "codec-compare" / file, _json(batch(codec, own))))
        batches.append(file)
    written.append(write_text(folder / "codec-compare" / LIST, _json([[file] for file in batches])))
    return written


def _word(codec: str) -> str:
    """A curve's name as one of a file: "diffc flow 0.5" becomes "diffc-flow-0.5"."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", codec).strip("-.")


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
