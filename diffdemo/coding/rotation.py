"""A random rotation that spreads the energy of a vector evenly over its coordinates.

The tree code needs that every stage carries the same share of the information. Pictures are the opposite: flat skies
and sharp edges. Signs, Hadamard transform, transposition, signs, Hadamard transform, signs: after two rounds every
coordinate is a mixture of the whole picture, at the cost of a few additions an entry. White noise stays white noise.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.philox import philox_signs

# normative: block size and the order of operations.
LARGEST_BLOCK = 4096


def padded_size(dimensions: int) -> int:
    """Length of the rotated vector: `dimensions` rounded up to whole Hadamard blocks."""
    block = _block(dimensions)
    return -(-dimensions // block) * block


class Rotation:
    """The rotation of one step of one file: orthonormal from `dimensions` into `padded_size(dimensions)`.

    Args:
        dimensions: length of the vectors.
        key: two 32-bit words shared by encoder and decoder.
        step: number of the step; each has its own signs, so that one codebook serves them all.
    """

    def __init__(self, dimensions: int, key: tuple[int, int], step: int) -> None:
        self.dimensions = dimensions
        self.size = padded_size(dimensions)
        self._block = _block(dimensions)
        self._signs = [philox_signs(self.size, key, stream=(step, which, 1)) for which in range(3)]

    def forward(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate: float32 [dimensions] -> float32 [size]."""
        padded = np.zeros(self.size, np.float32)
        padded[: self.dimensions] = x
        padded *= self._signs[0]
        _hadamard(padded, self._block)
        y = padded.reshape(-1, self._block).T.ravel()
        y *= self._signs[1]
        _hadamard(y, self._block)
        y *= self._signs[2]
        return y

    def backward(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate back: float32 [size] -> float32 [dimensions]; inverse of `forward` on its image."""
        x = y * self._signs[2]
        _hadamard(x, self._block)
        x *= self._signs[1]
        x = x.reshape(self._block, -1).T.ravel()
        _hadamard(x, self._block)
        x *= self._signs[0]
        return x[: self.dimensions]


def _block(dimensions: int) -> int:
    return min(LARGEST_BLOCK, 1 << max(0, dimensions - 1).bit_length())


@numba.njit("void(float32[::1], int64)", nogil=True, cache=True)
def _hadamard(x: NDArray[np.float32], block: int) -> None:  # pragma: no cover - compiled
    """Orthonormal Walsh-Hadamard transform of each block, in place."""
    scale = np.float32(1 / np.sqrt(np.float64(block)))
    for start in range(0, len(x), block):
        half = 1
        while half < block:
            for low in range(start, start + block, 2 * half):
                for i in range(low, low + half):
                    a, b = x[i], x[i + half]
                    x[i] = a + b
                    x[i + half] = a - b
            half *= 2
        for i in range(start, start + block):
            x[i] *= scale
