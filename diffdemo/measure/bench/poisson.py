"""Poisson functional representation: the textbook way to communicate a sample, kept for comparison.

Encoder and decoder share candidates z_1, z_2 ... from the prior N(0, I). The encoder attaches the arrival times of a
Poisson process and sends the index that minimises t_i / w_i, where w = q/p. The chosen candidate is distributed as q
exactly, if the search never ends; within a budget of candidates it is exact up to the mass that the budget misses.

The cost of the search is exponential in the divergence, so that a step has to be cut into chunks of a dozen bits, each
of which pays for its index anew. That is why files use `tree_code` instead.

Source: Li, El Gamal 2018, "Strong functional representation lemma"; Theis, Yosri 2022, section 3, for the index code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.codebook import SCALE, normal_quantiles
from diffdemo.coding.philox import philox_words
from diffdemo.coding.rotation import PaddedRotation, padded_size


@dataclass(frozen=True, slots=True)
class PoissonChunks:
    """How a vector is cut into chunks of equal divergence.

    Attributes:
        dimensions: length of the vector.
        chunk_bits: divergence of a chunk in bits, at most.
        extra_bits: 2^(chunk_bits + extra_bits) candidates are searched. With 2, samples come out 13 % too short; 6 and
            more are nearly exact.
    """

    dimensions: int
    chunk_bits: float = 8.0
    extra_bits: float = 6.0

    @property
    def candidates(self) -> int:
        """Candidates that are searched for each chunk."""
        return math.ceil(2 ** (self.chunk_bits + self.extra_bits))

    def edges(self, divergence_bits: float) -> NDArray[np.int64]:
        """First coordinate of each chunk in the rotated vector, and its end."""
        size = padded_size(self.dimensions)
        count = max(1, math.ceil(divergence_bits / self.chunk_bits))
        return np.arange(count + 1, dtype=np.int64) * size // count


def simulate_poisson(
    mu: NDArray[np.float32], chunks: PoissonChunks, *, key: tuple[int, int], number: int
) -> tuple[list[int], NDArray[np.float32], float]:
    """Communicate a sample of N(mu, I) chunk by chunk.

    Args:
        mu: float32 [dimensions].
        key, number: shared randomness, as in `tree_code`.

    Returns:
        Indices (from 1), the sample float32 [dimensions], and the length of the indices' Zipf code in bits.
    """
    rotation = PaddedRotation(chunks.dimensions, key, number)
    y = rotation.forward(mu)
    divergence = float(np.dot(y, y)) / (2 * math.log(2))
    edges = chunks.edges(divergence)
    indices, sample, bits = [], np.empty_like(y), 0.0
    share = divergence / (len(edges) - 1)
    for chunk in range(len(edges) - 1):
        part = y[edges[chunk] : edges[chunk + 1]]
        candidates = _candidates(chunks.candidates, len(part), key, number, chunk)
        # log w up to a constant: <z, mu>.
        gains = candidates @ part
        words = philox_words(chunks.candidates, key, stream=(number, chunk, 4))
        arrivals = np.cumsum(-np.log((words.astype(np.float64) + 0.5) / 2**32))
        chosen = int(np.argmin(np.log(arrivals) - gains))
        indices.append(chosen + 1)
        sample[edges[chunk] : edges[chunk + 1]] = candidates[chosen]
        bits += zipf_bits(chosen + 1, share)
    return indices, rotation.backward(sample), bits


def zipf_bits(index: int, divergence_bits: float) -> float:
    """Ideal code length of an index >= 1 under the Zipf law of Theis and Yosri 2022, eq. 20."""
    exponent = 1 + 1 / (divergence_bits + math.log2(math.e) / math.e + 1)
    head = np.arange(1, 1001, dtype=np.float64)
    # Sum of i^-exponent: a thousand terms, and the integral from there on.
    total = float(np.sum(head**-exponent)) + 1000.5 ** (1 - exponent) / (exponent - 1)
    return exponent * math.log2(index) + math.log2(total)


def _candidates(count: int, size: int, key: tuple[int, int], number: int, chunk: int) -> NDArray[np.float32]:
    words = philox_words(-(-count * size // 2), key, stream=(number, chunk, 3)).astype("<u4").view("<u2")
    table = normal_quantiles().astype(np.float32) / np.float32(SCALE)
    drawn: NDArray[np.float32] = table[words[: count * size]].reshape(count, size)
    return drawn
