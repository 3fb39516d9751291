"""Random rotations that spread the energy of a vector evenly over its coordinates.

The tree code needs that every stage carries the same share of the information. Pictures are the opposite: flat skies
and sharp edges. Signs, Hadamard transform, permutation, signs, Hadamard transform, signs: after two rounds every
coordinate is a mixture of the whole vector, at the cost of a few additions an entry. White noise stays white noise.

`ClassRotation` mixes each class of a vector in itself, `PaddedRotation` a whole vector (files of version 1).
"""

from __future__ import annotations

import functools
import math
from itertools import accumulate
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.philox import philox_signs

# normative: block size, the stride of the permutation, and the order of operations.
LARGEST_BLOCK = 4096
STRIDE_PER_THOUSAND = 618


class Rotation(Protocol):
    """An orthonormal map from a step's vector to what its stages cover."""

    def forward(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate: float32 [dimensions] -> float32 [size]."""
        ...

    def backward(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate back: float32 [size] -> float32 [dimensions]; inverse of `forward` on its image."""
        ...


class ClassRotation:
    """Mixes every class of a vector in itself, so that its entries are all alike; size and dimensions are the same.

    A round is a multiplication by signs, Hadamard transforms of the class's blocks, signs again, and a transform of its
    last block where the blocks from the first on do not reach the end. Between two rounds entries change places.

    Args:
        sizes: entries of each class, in their order in the vector.
        key: two 32-bit words shared by encoder and decoder.
        step: number of the step; each has its own signs, so that one codebook serves them all.
    """

    def __init__(self, sizes: tuple[int, ...], key: tuple[int, int], step: int) -> None:
        self._spans = [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]
        self._signs = [philox_signs(sum(sizes), key, stream=(step, which, 1)) for which in range(5)]

    def forward(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate: float32 [dimensions] -> float32 [dimensions]."""
        y = x * self._signs[0]
        self._mix(y, self._signs[1])
        for span in self._spans:
            y[span] = y[span][_permutation(span.stop - span.start)]
        y *= self._signs[2]
        self._mix(y, self._signs[3])
        y *= self._signs[4]
        return y

    def backward(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rotate back: float32 [dimensions] -> float32 [dimensions]; inverse of `forward`."""
        x = y * self._signs[4]
        self._unmix(x, self._signs[3])
        x *= self._signs[2]
        for span in self._spans:
            before = np.empty_like(x[span])
            before[_permutation(span.stop - span.start)] = x[span]
            x[span] = before
        self._unmix(x, self._signs[1])
        x *= self._signs[0]
        return x

    def _mix(self, x: NDArray[np.float32], signs: NDArray[np.float32]) -> None:
        """Transform all whole blocks of each class; signs; the last block where those leave some over. In place."""
        for span in self._spans:
            _transform_whole_blocks(x[span])
        x *= signs
        for span in self._spans:
            _transform_last_block(x[span])

    def _unmix(self, x: NDArray[np.float32], signs: NDArray[np.float32]) -> None:
        """Inverse of `_mix`: each transform is its own inverse. In place."""
        for span in self._spans:
            _transform_last_block(x[span])
        x *= signs
        for span in self._spans:
            _transform_whole_blocks(x[span])


def _class_block(size: int) -> int:
    """The largest power of two that is no larger than a class, but at most `LARGEST_BLOCK`."""
    return min(LARGEST_BLOCK, 1 << (size.bit_length() - 1))


def _transform_whole_blocks(x: NDArray[np.float32]) -> None:
    """Of one class, in place."""
    block = _class_block(len(x))
    _hadamard(x[: len(x) - len(x) % block], block)


def _transform_last_block(x: NDArray[np.float32]) -> None:
    """Of one class that its whole blocks do not fill, in place."""
    block = _class_block(len(x))
    if len(x) % block:
        _hadamard(x[len(x) - block :], block)


@functools.lru_cache(maxsize=32)
def _permutation(size: int) -> NDArray[np.int32]:
    """Entry i of the second round is entry `i * stride % size` of the first: int32 [size].

    The stride is the first number from 0.618 `size` on that has no divisor in common with it, so that neighbours come
    far apart, evenly over the whole class.
    """
    stride = max(1, size * STRIDE_PER_THOUSAND // 1000)
    while math.gcd(stride, size) > 1:
        stride += 1
    return (np.arange(size, dtype=np.int64) * stride % size).astype(np.int32)


def padded_size(dimensions: int) -> int:
    """Length of the rotated vector: `dimensions` rounded up to whole Hadamard blocks."""
    block = _block(dimensions)
    return -(-dimensions // block) * block


class PaddedRotation:
    """The rotation of one step of a file of version 1: orthonormal from `dimensions` into `padded_size(dimensions)`.

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
