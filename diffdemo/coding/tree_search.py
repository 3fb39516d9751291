"""The encoder's side of the tree code: which path looks like a sample of N(mu, I).

The search is a branching random walk with selection: its loss is a fraction of the rate, which shrinks with the
square of the logarithm of the beam width (Brunet, Derrida 1997). Chunked Poisson functional representation loses a
constant a chunk instead (`measure/bench/poisson.py`). Nothing here is normative: a better search is free to come.
"""

from __future__ import annotations

import functools
import importlib.util
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.coding.beam import BRANCH_KEYS, SYMBOL_BITS, search
from diffdemo.coding.codebook import codebook
from diffdemo.coding.tree_code import LONGEST_TREE, TREE_CODES, Coverage, TreeCode, TreeStep, root_of

CPU = torch.device("cpu")
WIDEST = 1 << 16
MOST_STAGES = 1 << 17
"""Whose scores a GPU holds at a time; 6 KB each."""
LEAD = 16.0
LEAD_STAGES = 16
"""Nats by which the search aims above its target, and in how many stages it comes back to it."""
FEWEST_TYPICAL_DIMENSIONS = 64
"""Below, a typical sample of so few numbers may be far off: thumbnails get the likeliest one instead."""

_searchers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="beam")


@dataclass(frozen=True, slots=True)
class Search:
    """How wide an encoder searches.

    Attributes:
        code: what it writes into the file.
        narrowest: surviving paths of a long step; `code.slope` is theirs.
        paths: surviving paths of all stages together that a step of one tree may have. Short steps get a wider beam
            for the same work. The decoder's v is then a little too small, which cannot be seen.
    """

    code: TreeCode
    narrowest: int
    paths: int

    def beam_for(self, stages: int) -> int:
        """Surviving paths, a power of two; of a few stages at most the root of all paths that there are."""
        within = 1 << max(0, (self.paths // stages).bit_length() - 1)
        return min(WIDEST, 1 << stages, max(self.narrowest, within))

    def delivered_bits(self, stages: int) -> float:
        """KL divergence from the matched prior that so many stages deliver."""
        return self.code.divergence_bits(stages, slope_of(self.beam_for(stages)))

    def stages_for(self, divergence_bits: float) -> int:
        """The fewest stages that deliver so many bits; at least one."""
        stages = max(1, math.ceil((divergence_bits + self.code.start) / SYMBOL_BITS))
        while self.delivered_bits(stages) < divergence_bits:
            stages += max(1, stages // 256)
        return stages


def slope_of(beam: int) -> float:
    """Bits a beam of this width takes for a bit of divergence.

    What selection loses shrinks with the square of ln(beam) (Brunet, Derrida 1997, "Shift in the velocity of a front");
    both constants are fitted to `python -m diffdemo bench channel`.
    """
    return 1 + 1 / (0.371 * math.log(beam) + 1.222) ** 2


FAST = Search(TREE_CODES[3], 512, 1 << 20)
BALANCED = Search(TREE_CODES[4], 2048, 1 << 22)
BEST = Search(TREE_CODES[5], 16384, 1 << 24)


def simulate(
    mu: NDArray[np.float32],
    step: TreeStep,
    searching: Search,
    *,
    key: tuple[int, int],
    number: int,
    device: torch.device = CPU,
) -> NDArray[np.uint8]:
    """Find the symbols of a sample of N(mu, I).

    Args:
        mu: float32 [dimensions]; its energy should be what the stages deliver. Less wastes
            bits, more shrinks the sample.
        step: geometry.
        searching: how wide.
        key: shared randomness of the file, two 32-bit words.
        number: of the step in the file.
        device: where to search: on a GPU all trees side by side, if Triton is there, else two at a time.

    Returns:
        uint8 [stages], each 0..3.
    """
    y = step.rotation(key, number).forward(mu)
    coverage = Coverage.of(step)
    scorer = _Scorer(coverage, step.variances, device)
    is_small = step.classes.dimensions < FEWEST_TYPICAL_DIMENSIONS
    beam = searching.beam_for(step.stages)
    roots = [root_of(key, number, tree) for tree in range(len(step.trees))]

    def scored(tree: tuple[int, int]) -> tuple[Tensor, NDArray[np.float32]]:
        gains, drift = scorer(y, *tree)
        if is_small:
            # Out of reach, so that the nearest path is the best one.
            drift = (gains[:, 0] + gains[:, 1:].abs().sum(dim=1)).amax(dim=1).cpu().numpy()
        else:
            _take_the_lead(drift)
        return gains, drift

    def search_tree(tree: tuple[int, int], root: int) -> NDArray[np.uint8]:
        gains, drift = scored(tree)
        return search(gains.numpy(), drift, beam, coverage.log2_rows, root, BRANCH_KEYS)

    if searches_together(device):
        return _searched_together(step.trees, roots, scored, beam, coverage.log2_rows)
    found = _searchers.map(search_tree, step.trees, roots) if len(roots) > 1 else map(search_tree, step.trees, roots)
    return np.concatenate(list(found))


@functools.cache
def searches_together(device: torch.device) -> bool:
    """Whether a device searches all trees side by side: a GPU, where Triton is there to program it."""
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def _searched_together(
    trees: Sequence[tuple[int, int]],
    roots: Sequence[int],
    scored: Callable[[tuple[int, int]], tuple[Tensor, NDArray[np.float32]]],
    beam: int,
    log2_rows: int,
) -> NDArray[np.uint8]:
    """The symbols of all trees, searched side by side, as many at a time as fit into memory."""
    from diffdemo.coding.beam_on_gpu import search_trees

    count, found = max(1, MOST_STAGES // LONGEST_TREE), []
    for begin in range(0, len(trees), count):
        group = trees[begin : begin + count]
        scores, drifts = zip(*map(scored, group), strict=True)
        gains, drift = torch.cat(scores), torch.from_numpy(np.concatenate(drifts))
        edges = [first - group[0][0] for first, _ in group] + [group[-1][1] - group[0][0]]
        chosen = roots[begin : begin + count]
        found.append(search_trees(gains, drift.to(gains.device), edges, beam, log2_rows, chosen))
    return np.concatenate(found)


def _take_the_lead(drift: NDArray[np.float32]) -> None:
    """Aim a little above what is expected, and come back at the end: in place.

    A path that is ahead is worth more than one that is as far behind, for what is ahead can be spent later. Without
    a lead, the search would throw both away.
    """
    stages = len(drift)
    back = min(LEAD_STAGES, stages // 4)
    if back:
        lead = np.float32(LEAD * back / LEAD_STAGES)
        drift[0] += lead
        drift[-back:] -= lead / np.float32(back)


class _Scorer:
    """What each codebook row adds to log q(z)/p(z), z = sqrt(1+v) c: sum of y z - v/2 c^2, for all stages of a tree.

    Even and odd columns are apart, for each may have either sign. Stages fill all columns of a class or all but its
    last, so that the v/2 c^2 are one sum for those that are always filled, and one a class for its last.
    """

    def __init__(self, coverage: Coverage, variances: NDArray[np.float64], device: torch.device) -> None:
        self._coverage = coverage
        self._variances = variances
        book = codebook(coverage.rows, coverage.width)[:, : coverage.width]
        last = [columns.stop - 1 for columns in coverage.columns]
        losses = -0.5 * np.repeat(variances, [c.stop - c.start for c in coverage.columns]).astype(np.float32)
        ends = losses[last] * np.square(book[:, last])
        losses[last] = 0
        always = np.square(book) @ losses
        self._device = device
        self._even = self._placed(book[:, ::2])
        self._odd = self._placed(book[:, 1::2])
        self._losses = self._placed(np.concatenate([always[:, None], ends], axis=1))

    def __call__(self, y: NDArray[np.float32], first: int, last: int) -> tuple[Tensor, NDArray[np.float32]]:
        """Scores [stages, 3, rows] as `search` wants them, on the device, and what a true sample adds on average."""
        coverage = self._coverage
        stages = np.zeros((last - first, coverage.width), np.float32)
        filled_last = np.ones((last - first, 1 + len(coverage.columns)), np.float32)
        drift = np.zeros(last - first, np.float32)
        for k, columns in enumerate(coverage.columns):
            v = float(self._variances[k])
            edges = coverage.edges(k, first, last)
            filled = coverage.inside(k, edges)
            inside = stages[:, columns]
            inside[filled] = y[edges[0] : edges[-1]]
            norms = np.einsum("tc,tc->t", inside, inside)
            drift += norms - np.float32(v / (2 * (1 + v))) * (norms + filled.sum(axis=1, dtype=np.float32))
            inside *= np.float32(math.sqrt(1 + v))
            filled_last[:, 1 + k] = filled[:, -1]
        gains = torch.empty(last - first, 3, coverage.rows, device=self._device)
        torch.mm(self._placed(filled_last), self._losses.T, out=gains[:, 0])
        torch.mm(self._placed(stages[:, ::2]), self._even.T, out=gains[:, 1])
        torch.mm(self._placed(stages[:, 1::2]), self._odd.T, out=gains[:, 2])
        return gains, drift

    def _placed(self, values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)
