"""Communicating a Gaussian sample by a random tree code: what symbols stand for.

The encoder knows mu and wants the decoder to hold a sample of N(mu, I). Both share a random codebook. The encoder
searches a random tree of codebook rows for a path that looks like such a sample (`tree_search.py`) and sends the path:
two bits a stage, at a fixed rate, with nothing left to entropy-code and nothing in the decoder that depends on
floating point.

    mu --rotate--> y --beam search--> symbols (2 T bits)
    symbols --walk--> rows --codebook--> sqrt(1+v) c --rotate back--> sample

mu's entries are of several classes; v_k is the variance of those of class k. A prior N(0, 1 + v_k) costs
sum_k n_k/2 log2(1 + v_k) bits instead of |mu|^2 / (2 ln 2). The proportions of the v_k are known beforehand, and the
number of stages fixes their scale, so that the decoder knows them for free. Every stage covers the same share of each
class, and so the same information.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.beam import BRANCH_KEYS, SYMBOL_BITS, walk, walk_of_version_1
from diffdemo.coding.codebook import codebook, rows_for
from diffdemo.coding.philox import philox_words
from diffdemo.coding.rotation import ClassRotation, PaddedRotation, Rotation, padded_size

# normative: length of a tree, which bounds the memory of the encoder and lets trees be searched side by side; the
# largest ln(1 + v), beyond which float32 would overflow; and how far classes are out of step with each other.
LONGEST_TREE = 1024
MAX_LOG_VARIANCE = 30.0
PHASE_PER_THOUSAND = 618

SOLVER_STEPS = 200
_SIGNS = np.array([1, -1], np.float32)


@dataclass(frozen=True, slots=True)
class TreeCode:
    """What the number of a preset in a file's header stands for. normative.

    Attributes:
        number: what the file says; never reused.
        slope, start: the rate at which an encoder delivers an unbiased sample, bits = slope * KL + start per tree;
            calibrated by `python -m diffdemo bench channel`. They decide `v`.
        most_rows: of the codebook.
        is_first: of version 1: the vector of a step is one class, padded to whole blocks, and symbols name rows of
            their own instead of signs.
    """

    number: int
    slope: float
    start: float
    most_rows: int
    is_first: bool = False

    def divergence_bits(self, stages: int, slope: float) -> float:
        """KL divergence from the matched prior that so many stages deliver, at so many bits for a bit of it."""
        return max(0.0, (stages * SYMBOL_BITS - self.start * trees_of(stages)) / slope)


TREE_CODES = {
    code.number: code
    for code in (
        TreeCode(0, 1.118, 4.4, 4096, is_first=True),
        TreeCode(1, 1.073, 5.3, 4096, is_first=True),
        TreeCode(2, 1.053, 5.6, 4096, is_first=True),
        TreeCode(3, 1.080, 4.6, 512),
        TreeCode(4, 1.061, 5.2, 512),
        TreeCode(5, 1.043, 5.6, 512),
    )
}


@dataclass(frozen=True, slots=True)
class Classes:
    """How the entries of a vector differ in expected size.

    Attributes:
        sizes: entries of each class, at least one; they lie one class after the other.
        weights: variance of each class's entries, of which only the proportions matter; positive.
    """

    sizes: tuple[int, ...]
    weights: tuple[float, ...]

    @classmethod
    def single(cls, dimensions: int) -> Classes:
        """A vector whose entries are all alike."""
        return cls((dimensions,), (1.0,))

    @property
    def dimensions(self) -> int:
        """Entries in all."""
        return sum(self.sizes)

    def energies(self, vector: NDArray[np.float32]) -> NDArray[np.float64]:
        """Sum of squares of each class's entries: float64 [classes]."""
        begins = np.cumsum((0, *self.sizes[:-1]))
        sums: NDArray[np.float64] = np.add.reduceat(np.square(vector, dtype=np.float64), begins)
        return sums

    def scaled(self, divergence_bits: float) -> NDArray[np.float64]:
        """Variances in the classes' proportions whose prior costs so many bits: float64 [classes].

        Solves sum_k n_k/2 log2(1 + s w_k) = bits for s by Newton's method, from below: the left side is concave in s.
        """
        sizes, weights = np.array(self.sizes, np.float64), np.array(self.weights, np.float64)
        nats = divergence_bits * math.log(2)
        scale = 2 * nats / float(sizes @ weights)
        for _ in range(SOLVER_STEPS):
            missing = nats - 0.5 * float(sizes @ np.log1p(scale * weights))
            if missing <= 1e-12 * nats:
                break
            scale += missing / (0.5 * float(sizes @ (weights / (1 + scale * weights))))
        variances: NDArray[np.float64] = np.minimum(scale * weights, math.expm1(MAX_LOG_VARIANCE))
        return variances


@dataclass(frozen=True, slots=True)
class TreeStep:
    """Geometry of one step: what encoder and decoder must agree on."""

    classes: Classes
    stages: int
    code: TreeCode

    @property
    def num_bits(self) -> int:
        """What the step takes in the file."""
        return self.stages * SYMBOL_BITS

    @property
    def trees(self) -> list[tuple[int, int]]:
        """First and last stage (exclusive) of each independent tree."""
        count = trees_of(self.stages)
        edges = [i * self.stages // count for i in range(count + 1)]
        return list(pairwise(edges))

    @property
    def padded(self) -> Classes:
        """The classes of the rotated vector."""
        return Classes.single(padded_size(self.classes.dimensions)) if self.code.is_first else self.classes

    @property
    def variances(self) -> NDArray[np.float64]:
        """V of each class as the decoder knows it: float64 [classes]. normative."""
        return self.padded.scaled(self.code.divergence_bits(self.stages, self.code.slope))

    def rotation(self, key: tuple[int, int], number: int) -> Rotation:
        """That of step `number` of a file."""
        if self.code.is_first:
            return PaddedRotation(self.classes.dimensions, key, number)
        return ClassRotation(self.classes.sizes, key, number)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which entries of the rotated vector a stage covers, and with which columns of the codebook.

    Where each stage begins is computed for the stages of a tree at a time: a step may have millions of them.

    Attributes:
        sizes: entries of each class.
        stages: of the step.
        columns: for each class, the columns of the codebook that belong to it; a stage takes them from the first on.
        rows: of the codebook.
    """

    sizes: tuple[int, ...]
    stages: int
    columns: list[slice]
    rows: int

    @classmethod
    def of(cls, step: TreeStep) -> Coverage:
        """Share out every class among the stages. normative."""
        sizes = step.padded.sizes
        ends = list(accumulate(-(-size // step.stages) for size in sizes))
        columns = [slice(begin, end) for begin, end in pairwise((0, *ends))]
        return cls(sizes, step.stages, columns, rows_for(ends[-1], step.code.most_rows))

    @property
    def width(self) -> int:
        """Columns in all."""
        return int(self.columns[-1].stop)

    @property
    def log2_rows(self) -> int:
        """How many bits name a row."""
        return self.rows.bit_length() - 1

    def drawn(self, symbols: NDArray[np.uint8], root: int, *, is_first: bool) -> NDArray[np.float32]:
        """What the stages of a tree stand for, in all columns: [symbols, width]; the first bit is that of even ones.

        Args:
            symbols: from the tree's first stage on.
            root: hash of its empty path.
            is_first: see `TreeCode`.
        """
        book = codebook(self.rows, self.width)[:, : self.width]
        if is_first:
            return book[walk_of_version_1(symbols, self.log2_rows, root, BRANCH_KEYS)]
        drawn = book[walk(symbols, self.log2_rows, root, BRANCH_KEYS)]
        drawn[:, ::2] *= _SIGNS[symbols >> 1][:, None]
        drawn[:, 1::2] *= _SIGNS[symbols & 1][:, None]
        return drawn

    def edges(self, k: int, first: int, last: int) -> NDArray[np.int64]:
        """First entry of class k in each stage from `first` to `last`, from the vector's beginning on. normative."""
        phase = k * self.stages * PHASE_PER_THOUSAND // 1000 % self.stages
        stages = np.arange(first, last + 1, dtype=np.int64)
        edges: NDArray[np.int64] = sum(self.sizes[:k]) + (stages * self.sizes[k] + phase) // self.stages
        return edges

    def inside(self, k: int, edges: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of class k's columns each of the stages between edges fills: [stages, columns]."""
        widths = np.diff(edges)
        columns = self.columns[k]
        filled: NDArray[np.bool_] = np.arange(columns.stop - columns.start) < widths[:, None]
        return filled


def trees_of(stages: int) -> int:
    """How many trees so many stages are divided into. normative."""
    return -(-stages // LONGEST_TREE)


def root_of(key: tuple[int, int], number: int, tree: int) -> int:
    """Hash of the empty path of a tree. normative."""
    return int(philox_words(1, key, stream=(number, tree, 2))[0])


def reproduce(
    symbols: NDArray[np.uint8],
    step: TreeStep,
    *,
    key: tuple[int, int],
    number: int,
    missing: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """The sample that symbols stand for: float32 [dimensions].

    Args:
        symbols: uint8 [<= stages]; fewer than `stages` if the file was cut.
        step: geometry.
        key: shared randomness of the file, two 32-bit words.
        number: of the step in the file.
        missing: float32 [dimensions], used in place of the stages that were not received; without it they are zero.
    """
    coverage = Coverage.of(step)
    rotation = step.rotation(key, number)
    y = np.zeros(step.padded.dimensions, np.float32) if missing is None else rotation.forward(missing)
    scales = np.sqrt(1 + step.variances).astype(np.float32)
    for tree, (first, last) in enumerate(step.trees):
        last = min(last, len(symbols))
        if first >= last:
            break
        part = np.ascontiguousarray(symbols[first:last])
        drawn = coverage.drawn(part, root_of(key, number, tree), is_first=step.code.is_first)
        for k, columns in enumerate(coverage.columns):
            edges = coverage.edges(k, first, last)
            y[edges[0] : edges[-1]] = scales[k] * drawn[:, columns][coverage.inside(k, edges)]
    return rotation.backward(y)


def prior_sample(
    noise: NDArray[np.float32], step: TreeStep, *, key: tuple[int, int], number: int
) -> NDArray[np.float32]:
    """White noise given the variances of the step's prior, for stages that were not received: float32 [dimensions].

    Args:
        noise: standard normal, float32 [dimensions].
        step, key, number: as in `reproduce`.
    """
    rotation = step.rotation(key, number)
    scales = np.sqrt(1 + step.variances).astype(np.float32)
    return rotation.backward(rotation.forward(noise) * np.repeat(scales, step.padded.sizes))
