"""Integer frequency tables: what an entropy coder knows about a symbol, in numbers that every machine agrees on.

A table counts in units of 2^-24 how often each symbol of a contiguous range is expected, and last how often any other
("escape"). Tables come from two families of distributions on the integers, each evaluated with `portable`, so that no
table is ever stored in a file:

    Gaussian     N(0, s^2) rounded to integers, for the 256 scales s of a fixed geometric grid
    factorised   one learned distribution for each channel of a hyperlatent, seen from its median

A table's range holds all but 2^-18 of the mass. What lies outside costs less as an escape than it would as entries of
its own, for an escape is never thought rarer than 2^-17: models are wrong in their tails first, and all the other
symbols together pay 1e-5 bits each for that.

Sources: Balle, Minnen, Singh, Hwang, Johnston 2018, "Variational image compression with a scale hyperprior", appendix
6.1 (the factorised prior); Yang, Mandt 2023 use the same with layers of width three.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.portable import normal_tail, sigmoid, softplus, tanh

# normative: all of this file.
TOTAL_BITS = 24
TOTAL = 1 << TOTAL_BITS
MIN_ESCAPE = 2.0**-17
LEFT_OUT_PER_SIDE = 2.0**-19

SCALE_FRACTION_BITS = 16
LEVELS = 256
LOWEST_SCALE = 6912
"""In units of 2^-16: 0.105. Narrower laws hold nothing but zeros, as far as a table can tell."""
SCALES = np.array([LOWEST_SCALE * 32**i // 31**i for i in range(LEVELS)], np.int64)
"""int64 [256] in units of 2^-16, from 0.105 to 346, each 32/31 of the one before."""
SCALE_THRESHOLDS = (SCALES[:-1] + SCALES[1:]) // 2

WIDTHS = (1, 3, 3, 3, 1)
"""Numbers between the layers of the factorised prior."""
REACH = 127
"""Largest distance from the median, rounded, that a factorised table has an entry for."""


@dataclass(frozen=True, slots=True, eq=False)
class FrequencyTable:
    """How often each symbol is expected.

    Attributes:
        lowest: smallest symbol with an entry of its own.
        counts: int64 [symbols + 1], at least two, each >= 1, summing to 2^24; the last one is the escape's.

    Raises:
        ValueError: if the counts are not such.
    """

    lowest: int
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.counts) < 2 or int(self.counts.min()) < 1 or int(self.counts.sum()) != TOTAL:
            raise ValueError(f"a table needs two or more positive counts that sum to {TOTAL}")

    @property
    def escape(self) -> int:
        """Position of the escape, one past that of the highest symbol."""
        return len(self.counts) - 1

    @property
    def highest(self) -> int:
        """Largest symbol with an entry of its own."""
        return self.lowest + self.escape - 1


def scale_index(scaled: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Number of the Gaussian table for each scale.

    Args:
        scaled: int64 of any shape, scales in units of 2^-16; what lies beyond the grid gets its first or last table.

    Returns:
        uint8 of the same shape.
    """
    return np.searchsorted(SCALE_THRESHOLDS, scaled, side="right").astype(np.uint8)


@functools.cache
def gaussian_tables() -> tuple[FrequencyTable, ...]:
    """The 256 tables of N(0, s^2) rounded to integers, s = SCALES / 2^16; shared, not to be written to."""
    scales = SCALES / 2.0**SCALE_FRACTION_BITS
    # More edges than any table keeps: the mass left out lies 4.6 scales away.
    sizes = (5 * SCALES >> SCALE_FRACTION_BITS) + 2
    starts = np.cumsum(sizes) - sizes
    edges = np.arange(int(sizes.sum())) - np.repeat(starts, sizes) + 0.5
    tails = normal_tail(edges / np.repeat(scales, sizes))
    return tuple(_gaussian_table(tails[start : start + size]) for start, size in zip(starts, sizes, strict=True))


def _gaussian_table(tails: NDArray[np.float64]) -> FrequencyTable:
    """Table of a symmetric law from its mass above 1/2, 3/2, 5/2 ..."""
    reach = int((tails > LEFT_OUT_PER_SIDE).sum())
    right = tails[:reach] - tails[1 : reach + 1]
    middle = 1.0 - 2.0 * tails[:1]
    return _table(-reach, np.concatenate([right[::-1], middle, right]), 2.0 * float(tails[reach]))


@dataclass(frozen=True, slots=True, eq=False)
class FactorisedPrior:
    """One monotone scalar network a channel, whose sigmoid is the distribution function of that channel.

    Attributes:
        weights: four arrays [channels, in, out] of the layers 1 -> 3 -> 3 -> 3 -> 1, before softplus.
        biases: four arrays [channels, out].
        gates: three arrays [channels, 3], before tanh.
        medians: [channels].

    All are finite numbers; float32 becomes float64 exactly.

    Raises:
        ValueError: if a shape is another one or a number is not finite.
    """

    weights: tuple[NDArray[np.floating], ...]
    biases: tuple[NDArray[np.floating], ...]
    gates: tuple[NDArray[np.floating], ...]
    medians: NDArray[np.floating]

    def __post_init__(self) -> None:
        channels = self.medians.shape[0] if self.medians.ndim == 1 else -1
        layers = list(pairwise(WIDTHS))
        expected = [(channels, *layer) for layer in layers] + [(channels, layer[1]) for layer in layers]
        expected += [(channels, layer[1]) for layer in layers[:-1]]
        found = (*self.weights, *self.biases, *self.gates)
        if [array.shape for array in found] != expected:
            raise ValueError(f"the prior's arrays have shapes {[a.shape for a in found]}, expected {expected}")
        if not all(np.isfinite(array).all() for array in (*found, self.medians)):
            raise ValueError("the prior holds numbers that are not finite")

    def logits(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logit of the distribution function: [channels, points] -> the same shape, increasing along each row."""
        units = [x]
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            slopes, shifts = softplus(weight.astype(np.float64)), bias.astype(np.float64)
            # Written out, unit by unit, for a matrix product may sum in any order.
            outputs = []
            for o in range(slopes.shape[2]):
                total = units[0] * slopes[:, 0, o, None]
                for i in range(1, slopes.shape[1]):
                    total = total + units[i] * slopes[:, i, o, None]
                outputs.append(total + shifts[:, o, None])
            if layer < len(self.gates):
                strength = tanh(self.gates[layer].astype(np.float64))
                outputs = [h + strength[:, o, None] * tanh(h) for o, h in enumerate(outputs)]
            units = outputs
        return units[0]


def factorised_tables(prior: FactorisedPrior) -> tuple[FrequencyTable, ...]:
    """A table for each channel, of the rounded distance from its median."""
    logits = prior.logits(prior.medians.astype(np.float64)[:, None] + (np.arange(2 * REACH + 2) - (REACH + 0.5)))
    low, high = logits[:, :-1], logits[:, 1:]
    # The difference is taken where both sigmoids are small, for near 1 they would have few digits left. In the middle
    # either side will do; the published formula has 0 for the sign there, and so 0 for the mass.
    side = np.where(low + high > 0.0, -1.0, 1.0)
    masses = np.abs(sigmoid(side * high) - sigmoid(side * low))
    below, above = sigmoid(logits), sigmoid(-logits)
    last_entry = 2 * REACH
    firsts = np.clip((below <= LEFT_OUT_PER_SIDE).sum(axis=1) - 1, 0, last_entry)
    lasts = np.clip(last_entry + 1 - (above <= LEFT_OUT_PER_SIDE).sum(axis=1), firsts, last_entry)
    return tuple(
        _table(first - REACH, masses[c, first : last + 1], float(below[c, first] + above[c, last + 1]))
        for c, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True))
    )


def _table(lowest: int, masses: NDArray[np.float64], outside: float) -> FrequencyTable:
    """Round probabilities to counts.

    Each is the nearest integer to 2^24 times the probability (half to even), at least 1, and at least 128 for the
    escape. What the sum then is too small or too large goes to the largest count, the first one if several are.
    """
    probabilities = np.append(masses, max(outside, MIN_ESCAPE))
    counts = np.maximum(np.rint(probabilities * TOTAL), 1.0).astype(np.int64)
    counts[counts.argmax()] += TOTAL - int(counts.sum())
    return FrequencyTable(lowest, counts)
