"""Tables of a summary, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with their columns flush right, two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        yield "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))


def mean(values: Sequence[float], digits: str) -> str:
    """Their mean in a format, or a dash."""
    return format(float(np.mean(values)), digits) if len(values) else "-"
