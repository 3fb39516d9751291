"""Where in a picture the bits of its file went."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffdemo.codecs.diffc import DiffC, State
from diffdemo.codecs.diffc_file import DiffCFile
from diffdemo.diffusion.posterior import ideal_bits_by_value
from diffdemo.engine.records import BitsMap
from diffdemo.images import Pixels, to_image
from diffdemo.metrics.maps import coloured

BRIGHTEST = 0.995
"""Share of the cells below the brightest colour: a single hot spot must not darken the rest."""

Bits = NDArray[np.float64]


def diffc_bits(codec: DiffC, file: DiffCFile, original: Pixels, states: Sequence[State]) -> Bits:
    """Bits of each number's place in the signal, over all of its channels.

    A step takes the divergence of posterior and prior, which is a sum over the signal's values (Theis et al. 2022, eq.
    4; `diffusion.posterior.ideal_bits`). The whole is scaled to what the file really takes.

    Args:
        codec: that wrote the file.
        file: whole or cut.
        original: the picture, uint8 [H,W,3]: what a step brings depends on what the guess had missed.
        states: those that are known, in order, within the file.

    Returns:
        float64 [h,w], which sums to the bits of the file's steps.
    """
    x = codec.space.to_signal(to_image(original))
    bits: Bits = np.zeros(tuple(x.shape[2:]))
    before = codec.empty_state(file)
    for state in states:
        bits += ideal_bits_by_value(x, before.x_hat, before.sigma, state.sigma).sum(dim=(0, 1)).numpy()
        before = state
    spent = 8 * (before.num_bytes - file.first_byte)
    return bits * (spent / bits.sum()) if bits.sum() > 0 else bits


def map_of(bits: Bits, cell: int, height: int, width: int) -> BitsMap:
    """A picture of it.

    Args:
        bits: of each cell, [h,w].
        cell: pixels along a side of a cell.
        height, width: of the picture that the cells cover, and perhaps overlap.
    """
    top = float(np.quantile(bits, BRIGHTEST)) or 1.0
    tall, wide = bits.shape
    enlarged = Image.fromarray(coloured(bits / top)).resize((wide * cell, tall * cell), Image.Resampling.NEAREST)
    pixels = np.ascontiguousarray(np.asarray(enlarged)[:height, :width])
    return BitsMap(pixels, cell, float(bits.sum()), top / cell**2, float(np.median(bits)) / cell**2)
