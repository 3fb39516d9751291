"""The beam search of `beam.search` on a GPU, all trees of a step at once: the same symbols from the same scores.

One program of the kernel walks one tree. Sums, products and quotients are rounded one by one as `beam.search` does it
(no fused multiply-add), and children keep their order, so that both find the same path to the last bit. Without a GPU
the kernel runs in Triton's interpreter, where `tests/unit/test_beam_on_gpu.py` holds it to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
import triton
import triton.language as tl
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.coding.beam import BINS, BRANCH_KEYS, BRANCHES, CHILD_MULTIPLIER, MIX_MULTIPLIER

BLOCK = 1024
"""Paths that a program looks at side by side."""
WARPS = 8
MOST_PARENTS = 1 << 28
"""Links from paths to the ones before them that are kept at a time, of 4 bytes each."""

_BINS = tl.constexpr(BINS)
_HISTOGRAM = tl.constexpr(2 * BINS)
_CHILD = tl.constexpr(int(CHILD_MULTIPLIER))
_MIX = tl.constexpr(int(MIX_MULTIPLIER))


def search_trees(
    gains: Tensor, drift: Tensor, edges: Sequence[int], beam: int, log2_rows: int, roots: Sequence[int]
) -> NDArray[np.uint8]:
    """Symbols of a path through each tree, one tree after the other: uint8 [stages].

    Args:
        gains: float32 [stages, 3, rows], on the device; see `beam.search`.
        drift: float32 [stages], on the device.
        edges: first stage of each tree, and the end of the last.
        beam: surviving paths.
        log2_rows: the codebook has 2**log2_rows rows.
        roots: hash of each tree's empty path.
    """
    room = beam + beam // 8 + BRANCHES
    symbols = torch.empty(len(gains), dtype=torch.uint8, device=gains.device)
    trees = list(pairwise(edges))
    while trees:
        count = max(1, sum(last - trees[0][0] <= MOST_PARENTS // room for _, last in trees))
        begun, trees = trees[:count], trees[count:]
        _search(gains, drift, begun, beam, room, log2_rows, roots[-count - len(trees) :][:count], symbols)
    found: NDArray[np.uint8] = symbols.cpu().numpy()
    return found


def _search(
    gains: Tensor,
    drift: Tensor,
    trees: Sequence[tuple[int, int]],
    beam: int,
    room: int,
    log2_rows: int,
    roots: Sequence[int],
    symbols: Tensor,
) -> None:
    """Search some trees side by side, and write down their symbols."""
    device, count = gains.device, len(trees)
    start, stages = trees[0][0], trees[-1][1] - trees[0][0]

    def words(values: Sequence[int] | NDArray[np.uint32]) -> Tensor:
        return torch.from_numpy(np.array(values, np.uint32).view(np.int32)).to(device)

    _search_tree[(count,)](
        gains[start:],
        drift[start:],
        torch.tensor([first - start for first, _ in trees] + [stages], dtype=torch.int32, device=device),
        words(roots),
        words(BRANCH_KEYS),
        torch.empty(count, 2, room, dtype=torch.int32, device=device),
        torch.empty(count, 2, room, device=device),
        torch.empty(count, BRANCHES, room, device=device),
        torch.empty(stages, room, dtype=torch.int32, device=device),
        torch.empty(stages, dtype=torch.int32, device=device),
        symbols[start:],
        beam,
        room,
        1 << log2_rows,
        32 - log2_rows,
        BLOCK=BLOCK,
        num_warps=WARPS,
        enable_fp_fusion=False,
    )


@triton.jit
def _mixed(h):
    """`beam._mix`, of uint32."""
    h = h ^ (h >> 16)
    h = h * tl.full((), _CHILD, tl.uint32)
    h = h ^ (h >> 13)
    h = h * tl.full((), _MIX, tl.uint32)
    return h ^ (h >> 16)


@triton.jit
def _threshold(values, children, beam, BLOCK: tl.constexpr):  # noqa: N803
    """Up to where children survive, from a histogram of every fourth of them."""
    lanes = tl.arange(0, BLOCK)
    looked_at = (children + 3) // 4
    largest = tl.full((), 0.0, tl.float32)
    for start in range(0, looked_at, BLOCK):
        i = start + lanes
        value = tl.abs(tl.load(values + 4 * i, mask=i < looked_at, other=0.0))
        largest = tl.maximum(largest, tl.max(value, axis=0))
    scale = tl.div_rn(tl.full((), 1.0 * _BINS, tl.float32), largest * 1.00001 + 1e-20)
    histogram = tl.zeros((_HISTOGRAM,), tl.int32)
    for start in range(0, looked_at, BLOCK):
        i = start + lanes
        inside = i < looked_at
        value = tl.abs(tl.load(values + 4 * i, mask=inside, other=0.0))
        bin_of = tl.where(inside, (value * scale).to(tl.int32), _HISTOGRAM - 1)
        histogram += tl.histogram(bin_of, _HISTOGRAM)
    bins = tl.arange(0, _HISTOGRAM)
    up_to = tl.cumsum(histogram, 0)
    wanted = beam // 4
    is_below = (up_to <= wanted) & (bins < _BINS)
    cut = tl.sum(is_below.to(tl.int32), axis=0)
    below = tl.max(tl.where(is_below, up_to, 0), axis=0)
    at_cut = tl.sum(tl.where(bins == cut, histogram, 0), axis=0)
    inside_bin = tl.div_rn((wanted - below).to(tl.float32), tl.maximum(at_cut, 1).to(tl.float32))
    return tl.div_rn(cut.to(tl.float32) + inside_bin, scale)


@triton.jit
def _nearest(values, count, BLOCK: tl.constexpr):  # noqa: N803
    """The first of so many values that is nearest to zero."""
    lanes = tl.arange(0, BLOCK)
    best = tl.full((), 0, tl.int32)
    least = tl.full((), float("inf"), tl.float32)
    for start in range(0, count, BLOCK):
        i = start + lanes
        value = tl.abs(tl.load(values + i, mask=i < count, other=float("inf")))
        smallest = tl.min(value, axis=0)
        here = start + tl.min(tl.where(value == smallest, lanes, BLOCK), axis=0)
        best = tl.where(smallest < least, here, best)
        least = tl.minimum(least, smallest)
    return best


@triton.jit
def _search_tree(
    gains,
    drift,
    edges,
    roots,
    keys,
    states,
    scores,
    values,
    parents,
    widths,
    symbols,
    beam,
    room,
    rows,
    shift,
    BLOCK: tl.constexpr,  # noqa: N803
):
    """One tree, as `beam.search` walks it; `states` and `scores` hold the paths before and after a stage in turn."""
    tree = tl.program_id(0)
    first, last = tl.load(edges + tree), tl.load(edges + tree + 1)
    states += tree * 2 * room
    scores += tree * 2 * room
    values += tree * 4 * room
    lanes = tl.arange(0, BLOCK)
    tl.store(states, tl.load(roots + tree))
    tl.store(scores, 0.0)
    table = gains + first.to(tl.int64) * 3 * rows
    links = parents + first.to(tl.int64) * room
    alive = tl.full((), 1, tl.int32)
    for stage in range(first, last):
        tl.debug_barrier()
        before = ((stage - first) % 2) * room
        after = room - before
        children = alive * 4
        expected = tl.load(drift + stage)
        tl.store(widths + stage, alive)
        for start in range(0, alive, BLOCK):
            i = start + lanes
            inside = i < alive
            state = tl.load(states + before + i, mask=inside, other=0).to(tl.uint32, bitcast=True)
            row = (state >> shift).to(tl.int32)
            middle = tl.load(scores + before + i, mask=inside, other=0.0) - expected
            middle = middle + tl.load(table + row, mask=inside, other=0.0)
            even = tl.load(table + rows + row, mask=inside, other=0.0)
            odd = tl.load(table + 2 * rows + row, mask=inside, other=0.0)
            tl.store(values + i, middle + (even + odd), mask=inside)
            tl.store(values + alive + i, middle + (even - odd), mask=inside)
            tl.store(values + 2 * alive + i, middle - (even - odd), mask=inside)
            tl.store(values + 3 * alive + i, middle - (even + odd), mask=inside)
        tl.debug_barrier()
        threshold = tl.full((), float("inf"), tl.float32)
        if children > beam:
            threshold = _threshold(values, children, beam, BLOCK)
        kept = tl.full((), 0, tl.int32)
        for start in range(0, children, BLOCK):
            child = start + lanes
            value = tl.load(values + child, mask=child < children, other=float("inf"))
            survives = (child < children) & (tl.abs(value) <= threshold)
            place = kept + tl.cumsum(survives.to(tl.int32), 0) - 1
            has_room = survives & (place < room - 1)
            tl.store(scores + after + place, value, mask=has_room)
            tl.store(links + place, child, mask=has_room)
            kept = tl.minimum(kept + tl.sum(survives.to(tl.int32), axis=0), room - 1)
        if kept == 0:
            best = _nearest(values, children, BLOCK)
            tl.store(scores + after, tl.load(values + best))
            tl.store(links, best)
            kept = kept + 1
        tl.debug_barrier()
        for start in range(0, kept, BLOCK):
            i = start + lanes
            inside = i < kept
            child = tl.load(links + i, mask=inside, other=0)
            branch = child // alive
            state = tl.load(states + before + child - branch * alive, mask=inside, other=0).to(tl.uint32, bitcast=True)
            key = tl.load(keys + branch, mask=inside, other=0).to(tl.uint32, bitcast=True)
            state = _mixed((state ^ key) * tl.full((), _CHILD, tl.uint32))
            tl.store(states + after + i, state.to(tl.int32, bitcast=True), mask=inside)
        alive = kept
        table += 3 * rows
        links += room
    tl.debug_barrier()
    best = _nearest(scores + ((last - first) % 2) * room, alive, BLOCK)
    for back in range(last - first):
        stage = last - 1 - back
        links -= room
        child = tl.load(links + best)
        width = tl.load(widths + stage)
        tl.store(symbols + stage, (child // width).to(tl.uint8))
        best = child % width
