"""What people read of numbers: durations, sizes, tables."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence


def duration(seconds: float, *, at_most: bool = False) -> str:
    """Seconds for people: "3.2 s", "42 s", "5 min", "2 h 5 min".

    Args:
        seconds: at least 0.
        at_most: whether they are rounded up to whole units, as an estimate should be, instead of to the nearest.
    """
    if seconds < 10 and not at_most:
        return f"{seconds:.1f} s"
    rounded = math.ceil if at_most else round
    if seconds < 100:
        return f"{rounded(seconds)} s"
    minutes = rounded(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(num_bytes: int) -> str:
    """Bytes for people: "7.8 MB", "2.1 GB"."""
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:,.1f} MB"


def aligned(rows: Sequence[Sequence[str]], *, left: Collection[int] = ()) -> Iterator[str]:
    """Lines of a table, two spaces between its columns.

    Args:
        rows: of equally many cells.
        left: numbers of the columns that are flush left; the others are flush right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        padded = (f"{cell:{'<' if i in left else '>'}{widths[i]}}" for i, cell in enumerate(cells))
        yield "  ".join(padded).rstrip()
