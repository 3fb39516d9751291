"""Channel simulation by a beam-searched random tree code.

The encoder knows mu and wants the decoder to hold a sample of N(mu, I). Both share a random codebook. The encoder
searches a random tree of codebook rows for a path that looks like such a sample and sends the path: two bits a stage,
at a fixed rate, with nothing left to entropy-code and nothing in the decoder that depends on floating point.

    mu --rotate--> y = [y_1 ... y_T] --beam search--> symbols (2 T bits)
    symbols --walk--> rows --codebook--> sqrt(1+v) [c_1 ... c_T] --rotate back--> sample

`v` is the variance of mu's entries. A prior N(0, 1+v) costs (d/2) log2(1+v) bits instead of |mu|^2 / (2 ln 2); the
number of stages fixes v, so that the decoder knows it for free.

The search is a branching random walk with selection: its loss is a fraction of the rate, which shrinks with the
square of the logarithm of the beam width. Chunked Poisson functional representation loses a constant a chunk instead
(see `poisson.py`).
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from diffdemo.coding.beam import BRANCH_KEYS, SYMBOL_BITS, search, walk
from diffdemo.coding.codebook import codebook, rows_for
from diffdemo.coding.philox import philox_words
from diffdemo.coding.rotation import Rotation, padded_size

# normative: length of a tree, which bounds the memory of the encoder and lets trees be searched side by side; and the
# largest ln(1 + v), beyond which float32 would overflow.
LONGEST_TREE = 1024
MAX_LOG_VARIANCE = 30.0

SHORT_STAGES = 400
FEWEST_TYPICAL_DIMENSIONS = 64
"""Below, a typical sample of so few numbers may be far off: thumbnails get the likeliest one instead."""

_searchers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="beam")


@dataclass(frozen=True, slots=True)
class TreePreset:
    """A beam width and the rate at which it delivers an unbiased sample: bits = slope * KL + start per tree.

    Attributes:
        number: what the file says; never reused.
        beam: surviving paths; the decoder does not need it.
        slope, start: calibrated by `python -m diffdemo bench channel`; normative, for they decide `v`.
        short_beam, short_slope: for steps of at most `SHORT_STAGES`, which can afford a wider beam. The encoder's
            alone: it asks more of such a step; that the decoder's v is a little too small then cannot be seen.
    """

    number: int
    beam: int
    slope: float
    start: float
    short_beam: int
    short_slope: float


FAST = TreePreset(0, 256, 1.118, 4.4, 256, 1.118)
BALANCED = TreePreset(1, 1536, 1.073, 5.3, 1536, 1.073)
BEST = TreePreset(2, 16384, 1.053, 5.6, 65536, 1.040)
TREE_PRESETS = {p.number: p for p in (FAST, BALANCED, BEST)}


@dataclass(frozen=True, slots=True)
class TreeStep:
    """Geometry of one step: what encoder and decoder must agree on, derived from three integers."""

    dimensions: int
    stages: int
    preset: TreePreset

    @property
    def num_bits(self) -> int:
        """What the step takes in the file."""
        return self.stages * SYMBOL_BITS

    @property
    def trees(self) -> list[tuple[int, int]]:
        """First and last stage (exclusive) of each independent tree."""
        count = -(-self.stages // LONGEST_TREE)
        edges = [i * self.stages // count for i in range(count + 1)]
        return list(pairwise(edges))

    @property
    def edges(self) -> NDArray[np.int64]:
        """[stages + 1] first coordinate of each stage in the rotated vector."""
        return np.arange(self.stages + 1, dtype=np.int64) * padded_size(self.dimensions) // self.stages

    @property
    def is_short(self) -> bool:
        """Whether the encoder takes the wider beam."""
        return self.stages <= SHORT_STAGES

    @property
    def divergence_bits(self) -> float:
        """KL divergence from the matched prior that the encoder delivers with these stages, in bits."""
        return self._divergence(self.preset.short_slope if self.is_short else self.preset.slope)

    @property
    def variance(self) -> float:
        """v: variance of mu's entries as the decoder knows it. normative."""
        return self._variance(self._divergence(self.preset.slope))

    @property
    def energy(self) -> float:
        """|mu|^2 for which the stages are exactly enough."""
        return self._variance(self.divergence_bits) * padded_size(self.dimensions)

    def _divergence(self, slope: float) -> float:
        return max(0.0, (self.num_bits - self.preset.start * len(self.trees)) / slope)

    def _variance(self, divergence_bits: float) -> float:
        return math.expm1(min(MAX_LOG_VARIANCE, 2 * math.log(2) * divergence_bits / padded_size(self.dimensions)))


def stages_for(energy: float, dimensions: int, preset: TreePreset) -> int:
    """The fewest stages that carry |mu|^2 = `energy` in full; at least one."""
    size = padded_size(dimensions)
    bits = size / 2 * math.log2(1 + energy / size)
    stages = max(1, math.ceil((preset.slope * bits + preset.start) / SYMBOL_BITS))
    while TreeStep(dimensions, stages, preset).energy < energy:
        stages += max(1, stages // 256)
    return stages


def simulate(mu: NDArray[np.float32], step: TreeStep, *, key: tuple[int, int], number: int) -> NDArray[np.uint8]:
    """Find the symbols of a sample of N(mu, I).

    Args:
        mu: float32 [dimensions]; `|mu|^2` should be `step.energy`. Less wastes bits, more shrinks the sample.
        step: geometry.
        key: shared randomness of the file, two 32-bit words.
        number: of the step in the file.

    Returns:
        uint8 [stages], each 0..3.
    """
    y = Rotation(step.dimensions, key, number).forward(mu)
    v = step.variance
    edges = step.edges
    columns = int(np.diff(edges).max())
    rows = rows_for(columns)
    scorer = _Scorer(codebook(rows, columns)[:, :columns], v)

    def search_tree(tree: int) -> NDArray[np.uint8]:
        first, last = step.trees[tree]
        widths = np.diff(edges[first : last + 1])
        gains, drift = scorer(y[edges[first] : edges[last]], widths)
        if step.dimensions < FEWEST_TYPICAL_DIMENSIONS:
            drift = gains.max(axis=1)  # Out of reach, so that the nearest path is the best one.
        beam = step.preset.short_beam if step.is_short else step.preset.beam
        return search(gains, drift, beam, _log2(rows), _root(key, number, tree), BRANCH_KEYS)

    trees = range(len(step.trees))
    found = _searchers.map(search_tree, trees) if len(trees) > 1 else map(search_tree, trees)
    return np.concatenate(list(found))


class _Scorer:
    """What each codebook row would add to log q(z)/p(z), z = sqrt(1+v) c: <y, z> - v/2 |c|^2, for all stages at once.

    One matrix product does it all: two further columns hold the norms, one for full stages, one for those that are an
    entry shorter.
    """

    def __init__(self, book: NDArray[np.float32], v: float) -> None:
        self._v = v
        self._columns = book.shape[1]
        norms = [np.einsum("rc,rc->r", b, b) for b in (book, book[:, : self._columns - 1])]
        loss = np.float32(-v / 2) * np.stack(norms, axis=1)
        self._rows = torch.from_numpy(np.concatenate([np.float32(math.sqrt(1 + v)) * book, loss], axis=1))

    def __call__(
        self, y: NDArray[np.float32], widths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Scores [stages, rows] and what a true sample adds on average [stages]; `widths` cuts y into stages."""
        stages = np.zeros((len(widths), self._columns + 2), np.float32)
        inside = stages[:, : self._columns]
        inside[np.arange(self._columns) < widths[:, None]] = y
        norms = np.einsum("tc,tc->t", inside, inside)
        stages[np.arange(len(widths)), self._columns + self._columns - widths] = 1
        drift = norms - np.float32(self._v / (2 * (1 + self._v))) * (norms + widths.astype(np.float32))
        gains: NDArray[np.float32] = torch.mm(torch.from_numpy(stages), self._rows.T).numpy()
        return gains, drift


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
        step, key, number: as in `simulate`.
        missing: float32 [dimensions], used in place of the stages that were not received; without it they are zero.
    """
    edges = step.edges
    columns = int(np.diff(edges).max())
    rows = rows_for(columns)
    book = codebook(rows, columns)
    rotation = Rotation(step.dimensions, key, number)
    received = len(symbols)
    y = np.zeros(rotation.size, np.float32) if missing is None else rotation.forward(missing)
    scale = np.float32(math.sqrt(1 + step.variance))
    for tree, (first, last) in enumerate(step.trees):
        last = min(last, received)
        if first >= last:
            break
        chosen = walk(np.ascontiguousarray(symbols[first:last]), _log2(rows), _root(key, number, tree), BRANCH_KEYS)
        widths = np.diff(edges[first : last + 1])
        picked = book[chosen, :columns]
        y[edges[first] : edges[last]] = scale * picked[np.arange(columns) < widths[:, None]]
    return rotation.backward(y)


def _root(key: tuple[int, int], number: int, tree: int) -> int:
    return int(philox_words(1, key, stream=(number, tree, 2))[0])


def _log2(rows: int) -> int:
    return rows.bit_length() - 1
