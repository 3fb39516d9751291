"""All files of a codec as a batch of codec-compare, which compares codecs by matched pairs in a browser.

Constants and fields are lists of one-entry objects, name to description, with lists of values in the same order
(github.com/webmproject/codec-compare, README, "Plug data at serve time"). A field that is empty somewhere would be read
as 0 there, so that every row has all fields.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from diffdemo.measure.results.lines import Row
from diffdemo.metrics.registry import BASE, METRICS

NAMES = {"psnr_db": "psnr", "ms_ssim": "msssim"}
"""Metrics under the names by which its matchers know them."""
FIELDS = {
    "original_name": "Name of the original picture",
    "width": "Columns of the original",
    "height": "Rows of the original",
    "setting": "Number of the setting, 1 for the smallest file",
    "encoded_size": "Size of the file in bytes",
    "bpp": "Bits per pixel",
}
CONSTANTS = {
    "name": "Name of the curve",
    "codec": "Name of the codec used to generate this data",
    "version": "Versions that measured it",
    "hardware": "Processor or GPU that measured it",
    "time": "When this was exported",
    "settings": "What the encoder was asked for",
}


def batch(codec: str, rows: Sequence[Row]) -> dict[str, Any]:
    """A batch; lossless files, of infinite PSNR, are left out.

    Args:
        codec: name of the curve.
        rows: its lines, one a picture.
    """
    files = [
        (row, number, point)
        for row in rows
        for number, point in enumerate(row["points"], start=1)
        if _is_number(point.get(BASE))
    ]
    metrics = _metrics([point for *_, point in files])
    complete = [file for file in files if all(_is_number(file[2].get(name)) for name in metrics)]
    fields = {**FIELDS, **{NAMES.get(name, name): METRICS[name].heading for name in metrics}}
    constants = (
        codec,
        codec.split()[0],
        ", ".join(f"{name} {version}" for name, version in rows[-1].get("versions", {}).items()),
        rows[-1].get("hardware", "not said"),
        datetime.now(UTC).isoformat(timespec="seconds"),
        json.dumps(rows[-1]["settings"]),
    )
    return {
        "constant_descriptions": [{name: text} for name, text in CONSTANTS.items()],
        "constant_values": list(constants),
        "field_descriptions": [{name: text} for name, text in fields.items()],
        "field_values": [
            [
                row["picture"],
                row.get("width", 0),
                row.get("height", 0),
                number,
                point["num_bytes"],
                point["bpp"],
                *(point[name] for name in metrics),
            ]
            for row, number, point in complete
        ],
    }


def _metrics(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those that at least half of the files have; the others would cost too many rows."""
    return [name for name in METRICS if 2 * sum(_is_number(point.get(name)) for point in points) >= max(1, len(points))]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
