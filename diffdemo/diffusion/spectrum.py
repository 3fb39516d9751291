"""What a denoiser misses, by frequency and colour: the shape of DiffC's prior.

The error x - D(z, sigma) is not white. Low frequencies are nearly known when high ones are still guessed, and colour
is known before brightness. In an orthonormal basis (three colour axes, DCT of blocks of 8x8) the error's variance is
tabled for 30 classes of coefficients and a row of noise levels; a file's prior has those proportions. The table
belongs to a model, is made by `python -m diffdemo train spectrum`, and lies in the model's weight file.

The basis is fixed and the classes do not depend on the picture, so that nothing is sent and nothing can differ
between encoder and decoder but roundings.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.coding.tree_code import Classes

# normative: everything in this file but how a table is made.
BLOCK = 8
RINGS = 10
COLOURS = 3
NUM_CLASSES = COLOURS * RINGS
LOG2_SIGMAS = tuple(4 - i / 2 for i in range(20))
"""log2 of the table's noise levels: 16 down to 0.022. Between them it is interpolated, beyond them constant."""
STEPS_PER_OCTAVE = 64
"""The table holds whole numbers, variances as 64 log2."""
LARGEST_ENTRY = 32 * STEPS_PER_OCTAVE
_COLOUR = np.array(
    [
        [1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)],
        [1 / math.sqrt(2), 0, -1 / math.sqrt(2)],
        [1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)],
    ]
).astype(np.float32)
"""Brightness, red against blue, both against green: orthonormal."""


class Spectrum:
    """Variance of a denoiser's error by noise level and class.

    Args:
        rows: whole numbers [1 + levels, classes], 64 log2 of the variance; the first row is for knowing nothing
            (x_hat = 0), the others for `LOG2_SIGMAS`.

    Raises:
        ValueError: if they are of another shape, or no variances of any denoiser.
    """

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        table = np.array(rows)
        if table.shape != (1 + len(LOG2_SIGMAS), NUM_CLASSES) or table.dtype.kind != "i":
            raise ValueError(f"a spectrum of shape {table.shape} and type {table.dtype}")
        if np.abs(table).max() > LARGEST_ENTRY:
            raise ValueError(f"a spectrum with entries beyond {LARGEST_ENTRY}")
        self.rows = table.astype(np.int64)

    def variances(self, sigma: float) -> NDArray[np.float64]:
        """Of the error at a noise level, infinity included: float64 [classes]."""
        if math.isinf(sigma):
            log2 = self.rows[0].astype(np.float64)
        else:
            # Levels fall, interpolation wants them to rise.
            at, levels = -math.log2(sigma), [-level for level in LOG2_SIGMAS]
            log2 = np.array([np.interp(at, levels, column) for column in self.rows[1:].T])
        variances: NDArray[np.float64] = np.exp2(log2 / STEPS_PER_OCTAVE)
        return variances

    def to_text(self) -> str:
        """For the header of a weight file, which holds nothing but text."""
        return json.dumps(self.rows.tolist(), separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Spectrum:
        """Inverse of `to_text`.

        Raises:
            ValueError: it is none.
        """
        rows = json.loads(text)
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise ValueError("a spectrum is a list of rows")
        return cls(rows)

    @classmethod
    def of_variances(cls, variances: NDArray[np.float64]) -> Spectrum:
        """Round float64 [1 + levels, classes]; grey pictures have no variance of colour, which counts as 2^-32."""
        log2 = STEPS_PER_OCTAVE * np.log2(np.maximum(variances, np.finfo(np.float64).tiny))
        return cls(np.rint(np.clip(log2, -LARGEST_ENTRY, LARGEST_ENTRY)).astype(np.int64).tolist())


class Basis(Protocol):
    """Coordinates in which the error of x_hat is communicated."""

    def classes(self, sigma: float) -> Classes:
        """How the coordinates fall into classes, and what is expected of each at a noise level."""
        ...

    def forward(self, signal: Tensor) -> NDArray[np.float32]:
        """[1,C,h,w] -> float32 [dimensions], class after class; lengths and angles stay."""
        ...

    def backward(self, coordinates: NDArray[np.float32]) -> Tensor:
        """Inverse of `forward`."""
        ...


class ValueBasis:
    """The signal's own values, all of one class: for models without a spectrum.

    Args:
        shape: of the signal, [1,C,h,w].
    """

    def __init__(self, shape: tuple[int, int, int, int]) -> None:
        self._shape = shape

    def classes(self, sigma: float) -> Classes:
        """One class at every noise level."""
        return Classes.single(math.prod(self._shape))

    def forward(self, signal: Tensor) -> NDArray[np.float32]:
        """In the order channel, row, column."""
        return signal.flatten().numpy()

    def backward(self, coordinates: NDArray[np.float32]) -> Tensor:
        """Inverse of `forward`."""
        return torch.from_numpy(coordinates).view(self._shape)


class FrequencyBasis:
    """Colour transform and block DCT of a picture, for models with a spectrum.

    Args:
        spectrum: of the model.
        height, width: of the picture; blocks at the right and lower edge may be smaller than 8x8.
    """

    def __init__(self, spectrum: Spectrum, height: int, width: int) -> None:
        self._spectrum = spectrum
        self._height, self._width = height, width
        self._order, counts = _classes_of(height, width)
        self._present = np.flatnonzero(counts)
        self._sizes = tuple(int(count) for count in counts[self._present])

    def classes(self, sigma: float) -> Classes:
        """As the spectrum says; without those that so small a picture does not have."""
        variances = self._spectrum.variances(sigma)[self._present]
        return Classes(self._sizes, tuple(float(v) for v in variances / variances.max()))

    def forward(self, signal: Tensor) -> NDArray[np.float32]:
        """Class after class; in each, colour, row, column of the transformed picture."""
        colours = np.tensordot(_COLOUR, signal[0].numpy(), axes=1).astype(np.float32)
        return _along_rows(_along_columns(colours, inverse=False), inverse=False).ravel()[self._order]

    def backward(self, coordinates: NDArray[np.float32]) -> Tensor:
        """Inverse of `forward`."""
        flat = np.empty_like(coordinates)
        flat[self._order] = coordinates
        colours = flat.reshape(COLOURS, self._height, self._width)
        colours = _along_rows(_along_columns(colours, inverse=True), inverse=True)
        return torch.from_numpy(np.tensordot(_COLOUR.T, colours, axes=1).astype(np.float32))[None]


def basis_for(spectrum: Spectrum | None, shape: tuple[int, int, int, int]) -> Basis:
    """Frequencies where the model has a spectrum, values otherwise."""
    return ValueBasis(shape) if spectrum is None else FrequencyBasis(spectrum, shape[2], shape[3])


@functools.lru_cache(maxsize=1)
def _classes_of(height: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Places of the coefficients in the order of their classes [3 H W], and how many each class has [classes].

    The ring of a coefficient is the sum of its frequencies across and down, in eighths of the highest that its block
    has, but at most the last.
    """
    rings = np.minimum(np.add.outer(_frequencies(height), _frequencies(width)), RINGS - 1)
    numbers = np.add.outer(RINGS * np.arange(COLOURS), rings).ravel()
    return np.argsort(numbers, kind="stable").astype(np.int32), np.bincount(numbers, minlength=NUM_CLASSES)


def _frequencies(length: int) -> NDArray[np.int64]:
    """Of the coefficients along a side, 0 to 7; those of a shorter last block as if it had eight."""
    rest = length % BLOCK
    whole = np.tile(np.arange(BLOCK, dtype=np.int64), length // BLOCK)
    return np.concatenate([whole, np.arange(rest, dtype=np.int64) * BLOCK // max(1, rest)])


@functools.cache
def _dct(length: int) -> NDArray[np.float32]:
    """Orthonormal DCT-II as a matrix [frequency, place] (Ahmed, Natarajan, Rao 1974)."""
    frequency, place = np.arange(length)[:, None], np.arange(length)[None, :]
    matrix = np.cos(math.pi * (place + 0.5) * frequency / length) * math.sqrt(2 / length)
    matrix[0] /= math.sqrt(2)
    return matrix.astype(np.float32)


def _along_rows(planes: NDArray[np.float32], *, inverse: bool) -> NDArray[np.float32]:
    """Transform every row of [3,H,W] block by block."""
    colours, height, width = planes.shape
    rest = width % BLOCK
    whole = planes[:, :, : width - rest].reshape(colours, height, -1, BLOCK) @ _matrix(BLOCK, inverse).T
    parts = [whole.reshape(colours, height, -1)]
    if rest:
        parts.append(planes[:, :, width - rest :] @ _matrix(rest, inverse).T)
    return np.concatenate(parts, axis=2)


def _along_columns(planes: NDArray[np.float32], *, inverse: bool) -> NDArray[np.float32]:
    """Transform every column of [3,H,W] block by block."""
    colours, height, width = planes.shape
    rest = height % BLOCK
    whole = _matrix(BLOCK, inverse) @ planes[:, : height - rest].reshape(colours, -1, BLOCK, width)
    parts = [whole.reshape(colours, -1, width)]
    if rest:
        parts.append(_matrix(rest, inverse) @ planes[:, height - rest :])
    return np.concatenate(parts, axis=1)


def _matrix(length: int, inverse: bool) -> NDArray[np.float32]:
    return _dct(length).T if inverse else _dct(length)
