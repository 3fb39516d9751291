"""Random numbers that are the same on every machine, and need no library's generator."""

from __future__ import annotations

import numpy as np

from diffdemo.coding.philox import philox_words


def noise(shape: tuple[int, ...], number: int) -> np.ndarray:
    """Dyadic numbers between -2 and 2, evenly distributed, float64; another number, other ones."""
    words = philox_words(int(np.prod(shape)), (20_24, number), stream=(0, 0, 9))
    return ((words.astype(np.float64) - 2.0**31) / 2.0**30).reshape(shape)
