"""The codebook of the tree code: rows of standard normal numbers, the same on every machine.

Sixteen random bits pick one of 65,536 normal quantiles, rounded to multiples of 1/4096. No transcendental function
stands between bits and numbers once the table is made, and the table is checked against its hash when it is.
"""

from __future__ import annotations

import functools
import hashlib
import threading
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.philox import philox_blocks

# normative: all constants here.
CODEBOOK_KEY = (0x64696666, 0x64656D6F)
SCALE = 4096
LARGEST_CELLS = 1 << 23
FEWEST_ROWS = 16
QUANTILES_SHA256 = "1ea009ce409dac97d6bd609266910f809c5fb912f78e16bd89145b08174d6fc5"


@functools.cache
def normal_quantiles() -> NDArray[np.int16]:
    """int16 [65536]: round(4096 * Phi^-1((i + 1/2) / 65536)).

    Raises:
        RuntimeError: if this machine computes another table than the one the format is defined by.
    """
    inverse = NormalDist().inv_cdf
    upper = np.array([round(SCALE * inverse((i + 0.5) / 65536)) for i in range(32768, 65536)], np.int16)
    table = np.concatenate([-upper[::-1], upper])
    found = hashlib.sha256(table.astype("<i2").tobytes()).hexdigest()
    if found != QUANTILES_SHA256:
        raise RuntimeError(f"table of normal quantiles has hash {found}, the format needs {QUANTILES_SHA256}")
    return table


def rows_for(columns: int, most: int) -> int:
    """How many rows the codebook of a step has: `most`, a power of two, and fewer where rows are long.

    Long rows occur only in steps of few bits on large pictures, where fewer rows cost next to nothing.
    """
    rows = most
    while rows > FEWEST_ROWS and rows * columns > LARGEST_CELLS:
        rows //= 2
    return rows


_lock = threading.Lock()
_cached: dict[int, NDArray[np.float32]] = {}


def codebook(rows: int, columns: int) -> NDArray[np.float32]:
    """float32 [rows, >= columns] of standard normal numbers; entry (r, c) depends on r and c alone.

    The result is shared and must not be written to.
    """
    with _lock:
        known = _cached.get(rows)
        if known is None or known.shape[1] < columns:
            wide = min(-(-columns // 64) * 64 * 2, max(columns, LARGEST_CELLS // rows))
            known = _cached[rows] = _draw(rows, -(-wide // 8) * 8)
        return known


def _draw(rows: int, columns: int) -> NDArray[np.float32]:
    table = normal_quantiles().astype(np.float32) / SCALE
    blocks = columns // 8
    out = np.empty((rows, columns), np.float32)
    counters = np.zeros((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks)
    for row in range(rows):
        counters[:, 1] = row
        words = philox_blocks(counters, CODEBOOK_KEY).astype("<u4")
        out[row] = table[words.view("<u2").reshape(-1)]
    return out
