"""The random tree behind the tree code, and the beam search through it.

A path is a sequence of two-bit symbols. A 32-bit hash of the path so far names the codebook row of each stage, so
that a tree with more leaves than could ever be stored needs no storage at all. The decoder walks one path; the
encoder keeps the `beam` best of them.

The four children of a path share a row: the bits of the symbol are the signs of its even and of its odd columns.
Siblings that lie opposite each other waste less than four that are drawn alone, and one look into the table serves
all four. In files of version 1, each child has a row of its own.

Hash finaliser: MurmurHash3's 32-bit mix (Appleby, public domain).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

SYMBOL_BITS = 2
BRANCHES = 1 << SYMBOL_BITS
BINS = 256
# normative: these constants, `_mix`, `walk` and `walk_of_version_1`.
CHILD_MULTIPLIER = np.uint32(0x85EBCA6B)
MIX_MULTIPLIER = np.uint32(0xC2B2AE35)


@numba.njit("uint32(uint32)", nogil=True, cache=True)
def _mix(h: int) -> int:  # pragma: no cover - compiled
    h = np.uint32(h ^ (h >> np.uint32(16)))
    h = np.uint32(h * CHILD_MULTIPLIER)
    h = np.uint32(h ^ (h >> np.uint32(13)))
    h = np.uint32(h * MIX_MULTIPLIER)
    return np.uint32(h ^ (h >> np.uint32(16)))


BRANCH_KEYS = np.array([_mix(np.uint32((j + 1) * 0x9E3779B9 & 0xFFFFFFFF)) for j in range(BRANCHES)], np.uint32)


@numba.njit("int64[::1](uint8[::1], int64, uint32, uint32[::1])", nogil=True, cache=True)
def walk(
    symbols: NDArray[np.uint8], log2_rows: int, root: int, keys: NDArray[np.uint32]
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Codebook row of every stage on the path that the symbols describe."""
    shift = np.uint64(32 - log2_rows)
    rows = np.empty(len(symbols), np.int64)
    state = np.uint32(root)
    for t in range(len(symbols)):
        rows[t] = np.int64(np.uint64(state) >> shift)
        state = _mix(np.uint32((state ^ keys[symbols[t]]) * CHILD_MULTIPLIER))
    return rows


@numba.njit("int64[::1](uint8[::1], int64, uint32, uint32[::1])", nogil=True, cache=True)
def walk_of_version_1(
    symbols: NDArray[np.uint8], log2_rows: int, root: int, keys: NDArray[np.uint32]
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """As `walk`, where the symbol of a stage decides its row."""
    shift = np.uint32(32 - log2_rows)
    rows = np.empty(len(symbols), np.int64)
    state = np.uint32(root)
    for t in range(len(symbols)):
        code = np.uint32((state ^ keys[symbols[t]]) * CHILD_MULTIPLIER)
        rows[t] = np.int64(np.uint64(code) >> np.uint64(shift))
        state = _mix(code)
    return rows


@numba.njit(
    "uint8[::1](float32[:, :, ::1], float32[::1], int64, int64, uint32, uint32[::1])",
    nogil=True,
    cache=True,
    boundscheck=False,
)
def search(
    gains: NDArray[np.float32],
    drift: NDArray[np.float32],
    beam: int,
    log2_rows: int,
    root: int,
    keys: NDArray[np.uint32],
) -> NDArray[np.uint8]:  # pragma: no cover - compiled
    """Symbols of a path whose log-likelihood ratio follows its expectation.

    Keeps the `beam` paths whose score is nearest to the expected one after every stage (the M-algorithm). Nearest, not
    highest: the highest would overshoot the target and narrow the noise.

    Args:
        gains: [stages, 3, rows], what each codebook row would add to the log-likelihood ratio: whatever its signs, by
            its even columns, by its odd ones.
        drift: [stages], what is expected of each stage.
        beam: number of surviving paths.
        log2_rows: the codebook has 2**log2_rows rows.
        root: hash of the empty path.
        keys: `BRANCH_KEYS`.
    """
    stages = gains.shape[0]
    shift = np.uint64(32 - log2_rows)
    room = beam + beam // 8 + BRANCHES
    state, next_state = np.empty(room, np.uint32), np.empty(room, np.uint32)
    score, next_score = np.empty(room, np.float32), np.empty(room, np.float32)
    values = np.empty(room * BRANCHES, np.float32)
    parents = np.empty((stages, room), np.int32)
    widths = np.empty(stages, np.int64)
    histogram = np.empty(BINS + 1, np.int64)
    state[0], score[0] = np.uint32(root), np.float32(0)
    alive = 1
    for t in range(stages):
        expected = drift[t]
        children = alive * BRANCHES
        widths[t] = alive
        for i in range(alive):
            row = np.int64(np.uint64(state[i]) >> shift)
            middle = score[i] - expected + gains[t, 0, row]
            even, odd = gains[t, 1, row], gains[t, 2, row]
            values[i] = middle + (even + odd)
            values[alive + i] = middle + (even - odd)
            values[2 * alive + i] = middle - (even - odd)
            values[3 * alive + i] = middle - (even + odd)
        threshold = np.float32(np.inf)
        if children > beam:
            # The rank is found in a histogram of every fourth child: exact selection would cost more than it gives.
            largest = np.float32(0)
            for k in range(0, children, 4):
                largest = max(largest, abs(values[k]))
            scale = np.float32(BINS) / (largest * np.float32(1.00001) + np.float32(1e-20))
            histogram[:] = 0
            for k in range(0, children, 4):
                histogram[np.int64(abs(values[k]) * scale)] += 1
            wanted = beam // 4
            below, cut = 0, 0
            while cut < BINS and below + histogram[cut] <= wanted:
                below += histogram[cut]
                cut += 1
            inside = np.float32(wanted - below) / np.float32(max(1, histogram[min(cut, BINS)]))
            threshold = (np.float32(cut) + inside) / scale
        kept = 0
        limit = room - 1
        for k in range(children):
            value = values[k]
            next_score[kept] = value
            parents[t, kept] = k
            kept += (abs(value) <= threshold) & (kept < limit)
        if kept == 0:
            best = 0
            for k in range(children):
                if abs(values[k]) < abs(values[best]):
                    best = k
            next_score[0], parents[t, 0] = values[best], best
            kept = 1
        for i in range(kept):
            child = parents[t, i]
            branch = child // alive
            next_state[i] = _mix(np.uint32((state[child - branch * alive] ^ keys[branch]) * CHILD_MULTIPLIER))
        state, next_state = next_state, state
        score, next_score = next_score, score
        alive = kept
    best = 0
    for i in range(alive):
        if abs(score[i]) < abs(score[best]):
            best = i
    symbols = np.empty(stages, np.uint8)
    for t in range(stages - 1, -1, -1):
        # Children are numbered branch * width + parent.
        child = parents[t, best]
        symbols[t] = child // widths[t]
        best = child % widths[t]
    return symbols
