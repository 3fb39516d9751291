"""Where in its patch a pixel is, in 64 numbers: products of cosines along both axes.

    T[16 row + column, 8 i + j] = cos(pi X f_i) cos(pi Y f_j) / (1 + f_i f_j)
    X = column / 15, Y = row / 15, f_k = 8 k / 7

The authors computed it in bfloat16 while they trained the one-step models and in their decoder, in float32 while they
trained the diffusion models before. The two differ by up to 0.11, for the rounded positions and frequencies meet in
the argument of a cosine. A model wants the one that it was trained with.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from diffdemo.models.cod.shape import PATCH

FREQUENCIES = 8
TABLE_WIDTH = FREQUENCIES**2

_COSINES_BFLOAT16 = (
    "3f803f803f803f803f803f803f803f803f803f793f633f413f133eb83e00bddf3f803f633f133e08beacbf3ebf78bf7a"
    "3f803f403e00bf0dbf78bf64beb83eb03f803f13beacbf77bf463dcd3f603f683f803ebcbf3bbf683d8d3f763f18beff"
    "3f803e00bf78bec73f603f18bf3ebf443f80bddfbf7a3ea13f68bf0dbf443f2f3f80bea5bf4b3f583e84bf7f3ef73f31"
    "3f80bf0abed63f7dbf27be793f74bf423f80bf383d1a3f2bbf7f3f4fbe33bf013f80bf5f3f03bd56bef33f59bf7c3f71"
    "3f80bf763f58bf273edbbe33be1d3ed13f80bf803f7fbf7e3f7ebf7f3f7fbf793f80bf7b3f6bbf573f31bf013e95bd7e"
    "3f80bf683f24be79be333f29bf6f3f80"
)
"""cos(pi X f_k) for the 16 columns, 8 frequencies each, as bfloat16 bit patterns. Stored, because a cosine may round to
one side on one machine and to the other on the next; the products below may not."""


class TablePrecision(StrEnum):
    """Which of the two tables."""

    BFLOAT16 = "bfloat16"
    FLOAT32 = "float32"


def position_table(precision: TablePrecision) -> Tensor:
    """The table, float32 [256, 64]; rows by pixel, in raster order."""
    dtype = torch.bfloat16 if precision is TablePrecision.BFLOAT16 else torch.float32
    frequencies = torch.linspace(0, FREQUENCIES, FREQUENCIES, dtype=dtype)
    cosines = _cosines(precision, frequencies)
    # Rows of the picture, columns, frequency of the column, frequency of the row.
    products = cosines[None, :, :, None] * cosines[:, None, None, :]
    weights = 1 / (1 + frequencies[:, None] * frequencies)
    return (products * weights).reshape(PATCH**2, TABLE_WIDTH).float()


def _cosines(precision: TablePrecision, frequencies: Tensor) -> Tensor:
    """cos(pi X f_k), [16, 8]."""
    if precision is TablePrecision.BFLOAT16:
        patterns = np.frombuffer(bytes.fromhex(_COSINES_BFLOAT16), ">u2").astype(np.int32) << 16
        return torch.from_numpy(patterns).view(torch.float32).bfloat16().view(PATCH, FREQUENCIES)
    positions = torch.linspace(0, 1, PATCH)
    return torch.cos(positions[:, None] * frequencies * torch.pi)
