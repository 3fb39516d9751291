"""What it costs to communicate a sample: the tree code of files beside the textbook's way, step size by step size."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.coding.tree_code import Classes, TreeStep, reproduce
from diffdemo.coding.tree_search import Search, simulate
from diffdemo.measure.bench.cdc import Row
from diffdemo.measure.bench.poisson import PoissonChunks, simulate_poisson

DIMENSIONS = 3 * 256 * 256
STAGES = (100, 500, 2000)
"""Of steps: about 200, 1,000 and 4,000 bits."""
STAGES_IN_ALL = 4000
"""Short steps are repeated until there are so many."""
POISSON_DIMENSIONS = 12288
POISSON_BITS = (200.0, 1000.0, 4000.0)
POISSON_EXTRA = (2.0, 6.0)
"""Binary logarithms of candidates a chunk's own divergence would ask for at least, and of nearly exact ones."""
POISSON_REPETITIONS = 6


def bench_channel() -> Iterator[Row]:
    """Tree codes of all presets, then Poisson's functional representation, on steps of the same sizes.

    The bound is that of any scheme: log2(I + 1) + 2.45 bits over the divergence I of a step (arXiv 2604.23076). An
    exact scheme has a mean shift of 0 within its standard error and a residual variance of 1.
    """
    for preset, effort in EFFORTS.items():
        for stages in STAGES:
            row = tree_row(effort.search, DIMENSIONS, stages, max(4, STAGES_IN_ALL // stages))
            yield {"coder": f"tree code, {preset.value}", "stages": stages, **row}
    for extra in POISSON_EXTRA:
        for bits in POISSON_BITS:
            yield {
                "coder": f"Poisson, 8-bit chunks, 2^{8 + extra:.0f} candidates",
                **_poisson_row(POISSON_DIMENSIONS, bits, extra),
            }


def tree_row(search: Search, dimensions: int, stages: int, repetitions: int) -> Row:
    """A step of so many stages, several times: speed, overhead, bias."""
    step = TreeStep(Classes.single(dimensions), stages, search.code)
    divergence = search.delivered_bits(stages)
    energy = dimensions * float(step.classes.scaled(divergence)[0])
    random = np.random.default_rng(0)
    found, encoding, decoding = _Samples(), 0.0, 0.0
    for number in range(repetitions + 1):
        mu = _mean_of(random, dimensions, energy)
        began = time.perf_counter()
        symbols = simulate(mu, step, search, key=(1, 2), number=number)
        middle = time.perf_counter()
        sample = reproduce(symbols, step, key=(1, 2), number=number)
        if number > 0:  # the first one compiles and draws the codebook
            encoding += middle - began
            decoding += time.perf_counter() - middle
            found.add(sample, mu)
    return {
        "beam": search.beam_for(stages),
        "bits": divergence,
        "encode kbit/s": repetitions * step.num_bits / encoding / 1e3,
        "decode kbit/s": repetitions * step.num_bits / decoding / 1e3,
        "overhead %": 100 * (step.num_bits / divergence - 1),
        "bound %": _bound(divergence),
        **found.row(),
    }


def _poisson_row(dimensions: int, bits: float, extra_bits: float) -> Row:
    chunks = PoissonChunks(dimensions, 8.0, extra_bits)
    random = np.random.default_rng(0)
    found, lengths, began = _Samples(), [], time.perf_counter()
    for number in range(POISSON_REPETITIONS):
        mu = _mean_of(random, dimensions, 2 * bits * math.log(2))
        _, sample, length = simulate_poisson(mu, chunks, key=(1, 2), number=number)
        found.add(sample, mu)
        lengths.append(length)
    return {
        "bits": bits,
        "encode kbit/s": sum(lengths) / (time.perf_counter() - began) / 1e3,
        "overhead %": 100 * (float(np.mean(lengths)) / bits - 1),
        "bound %": _bound(bits),
        **found.row(),
    }


class _Samples:
    """Samples of N(mu, I), and how far they are from being that."""

    def __init__(self) -> None:
        self._shifts: list[float] = []
        self._variances: list[float] = []

    def add(self, sample: NDArray[np.float32], mu: NDArray[np.float32]) -> None:
        """Take one that was communicated."""
        self._shifts.append(float(sample @ mu / (mu @ mu)) - 1)
        self._variances.append(float((sample - mu).var()))

    def row(self) -> Row:
        """How much too long means are, with the standard error, and the variance around them, which should be 1."""
        error = float(np.std(self._shifts, ddof=1)) / math.sqrt(len(self._shifts))
        return {
            "mean shift %": 100 * float(np.mean(self._shifts)),
            "+- %": 100 * error,
            "residual variance": float(np.mean(self._variances)),
        }


def _mean_of(random: np.random.Generator, dimensions: int, energy: float) -> NDArray[np.float32]:
    """A direction by chance, of a squared length."""
    mu = random.standard_normal(dimensions).astype(np.float32)
    scaled: NDArray[np.float32] = mu * np.float32(math.sqrt(energy) / np.linalg.norm(mu))
    return scaled


def _bound(divergence: float) -> float:
    return 100 * (math.log2(divergence + 1) + 2.45) / divergence
