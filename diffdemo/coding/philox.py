"""Shared randomness: the counter-based generator Philox4x32-10, in integers.

Encoder and decoder must draw the same random numbers on every machine and in any order. A counter-based generator
gives each number an address, (key, counter), and needs no state; integer arithmetic makes it exact everywhere.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". The constants are theirs.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

# normative: the generator's constants and number of rounds.
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
ROUNDS = 10
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


def philox_blocks(counters: NDArray[np.uint32], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Encrypt counters: uint32 [n,4] -> uint32 [n,4].

    Args:
        counters: one 128-bit counter a row, least significant word first.
        key: two 32-bit words.
    """
    out: NDArray[np.uint32] = _encrypted(np.ascontiguousarray(counters), np.uint64(key[0]), np.uint64(key[1]))
    return out


@numba.njit("uint32[:, ::1](uint32[:, ::1], uint64, uint64)", nogil=True, cache=True)
def _encrypted(counters: NDArray[np.uint32], key0: int, key1: int) -> NDArray[np.uint32]:  # pragma: no cover - compiled
    out = np.empty_like(counters)
    for i in range(len(counters)):
        x0, x1 = np.uint64(counters[i, 0]), np.uint64(counters[i, 1])
        x2, x3 = np.uint64(counters[i, 2]), np.uint64(counters[i, 3])
        k0, k1 = np.uint64(key0), np.uint64(key1)
        for _ in range(ROUNDS):
            product0, product1 = MULTIPLIERS[0] * x0, MULTIPLIERS[1] * x2
            x0, x2 = (product1 >> HALF) ^ x1 ^ k0, (product0 >> HALF) ^ x3 ^ k1
            x1, x3 = product1 & MASK, product0 & MASK
            k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = np.uint32(x0), np.uint32(x1), np.uint32(x2), np.uint32(x3)
    return out


def philox_words(count: int, key: tuple[int, int], *, stream: tuple[int, int, int] = (0, 0, 0)) -> NDArray[np.uint32]:
    """The first `count` 32-bit words of a stream.

    Args:
        count: number of words.
        key: two 32-bit words.
        stream: the upper three counter words, by which independent streams of one key are told apart.
    """
    blocks = -(-count // 4)
    counters = np.empty((blocks, 4), np.uint32)
    counters[:, 0] = np.arange(blocks, dtype=np.uint32)
    counters[:, 1:] = np.asarray(stream, np.uint32)
    return philox_blocks(counters, key).reshape(-1)[:count]


def philox_signs(count: int, key: tuple[int, int], *, stream: tuple[int, int, int]) -> NDArray[np.float32]:
    """`count` fair signs, +1 or -1 as float32, 32 from a word, least significant bit first."""
    words = philox_words(-(-count // 32), key, stream=stream)
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")[:count]
    return np.float32(1) - np.float32(2) * bits.astype(np.float32)
