"""Where in a picture the bits of its file went."""

from __future__ import annotations

import numpy as np
from PIL import Image

from diffdemo.codecs.records import CellBits
from diffdemo.engine.records import BitsMap
from diffdemo.metrics.maps import coloured

BRIGHTEST = 0.995
"""Share of the cells below the brightest colour: a single hot spot must not darken the rest."""


def map_of(cells: CellBits, height: int, width: int) -> BitsMap:
    """A picture of it, as large as the picture that the cells cover, and perhaps overlap."""
    bits, cell = cells
    top = float(np.quantile(bits, BRIGHTEST)) or 1.0
    tall, wide = bits.shape
    enlarged = Image.fromarray(coloured(bits / top)).resize((wide * cell, tall * cell), Image.Resampling.NEAREST)
    pixels = np.ascontiguousarray(np.asarray(enlarged)[:height, :width])
    return BitsMap(pixels, cell, float(bits.sum()), top / cell**2, float(np.median(bits)) / cell**2)
