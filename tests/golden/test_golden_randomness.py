"""Shared randomness, exactly: generator, signs, codebook, rotation, walks through the tree, the scale of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.coding import beam
from diffdemo.coding.codebook import codebook, normal_quantiles, rows_for
from diffdemo.coding.philox import philox_blocks, philox_signs, philox_words
from diffdemo.coding.rotation import Rotation, padded_size
from diffdemo.coding.tree_code import TREE_PRESETS, TreeStep, reproduce
from tests.golden.digests import digest
from tests.golden.numbers import noise

KEY = (0x12345678, 0x9ABCDEF0)
STAGES = (1, 3, 4, 63, 500, 2000, 3100)

WORDS = "464284a7b3e9c9ce"
STREAM = "4254d2058cc801c7"
SIGNS = "2431c5ee9e3d92da"
QUANTILES = "ecf962fd36692238"
SMALL_BOOK = "efc3df69abd1928d"
LARGE_BOOK = "fdbf16787010244d"
ROTATED = "9eb409122ac456f5"
ROTATED_BACK = "330f27a8b28b9dfd"
ROTATED_THREE = [1.5, -2.5, -3.5, -0.5]
BRANCH_KEYS = "9af9a8db68ef2118"
WALKS = "982a3745f52272a7"
EDGES = "06f5739a6c532deb"
VARIANCES = [
    [
        0,
        0.00048448336604,
        0.0010904176677,
        0.037497765289,
        0.35174556664,
        2.3476248402,
        5.4986235036,
    ],
    [
        0,
        0.00022082171232,
        0.00085200961693,
        0.038805784269,
        0.36855167997,
        2.5196288843,
        6.02128698,
    ],
    [
        0,
        0.00012857456006,
        0.00077169537417,
        0.039456993135,
        0.37659878659,
        2.6040675924,
        6.2832548785,
    ],
]
SAMPLES = [
    [0.720916, -0.490191, 2.201095, -2.492396, -0.589995, 0.615785, -0.882348, -1.503984, -1.262365],
    [0.726108, -0.495582, 2.221295, -2.519938, -0.597503, 0.622632, -0.89031, -1.516241, -1.273272],
    [0.728584, -0.498153, 2.230933, -2.533077, -0.601085, 0.625897, -0.894108, -1.522089, -1.278476],
]
PRODUCTS = [133.3716, 134.5092, 135.052]
"""Of a sample with fixed numbers: all of its entries in one."""


def test_words() -> None:
    counters = philox_words(400, KEY).reshape(100, 4)
    assert digest(philox_blocks(counters, (0xFFFFFFFF, 0x44696666))) == WORDS
    assert digest(philox_words(9, KEY, stream=(3, 2, 1))) == STREAM


def test_signs() -> None:
    assert digest(philox_signs(1000, KEY, stream=(3, 2, 1))) == SIGNS


def test_codebook() -> None:
    assert digest(normal_quantiles()) == QUANTILES
    assert digest(4096 * codebook(16, 64)[:, :64]) == SMALL_BOOK
    assert digest(4096 * codebook(4096, 16)[::195, :16]) == LARGE_BOOK


def test_rows_of_the_codebook() -> None:
    columns = (1, 2048, 2049, 4096, 4097, 300_000, 524_288, 524_289, 1 << 24)
    assert [rows_for(n) for n in columns] == [4096, 4096, 2048, 2048, 1024, 16, 16, 16, 16]


def test_sizes() -> None:
    dimensions = (1, 2, 3, 100, 2048, 2049, 4096, 4097, 9216, 12_289)
    assert [padded_size(n) for n in dimensions] == [1, 2, 4, 128, 2048, 4096, 4096, 8192, 12_288, 16_384]


def test_rotation() -> None:
    """Whole numbers, whose sums and sixty-fourths float32 holds exactly."""
    rotation = Rotation(9000, KEY, 5)
    forward = rotation.forward(np.rint(4 * noise((9000,), 60)).astype(np.float32))
    assert digest(4096 * forward) == ROTATED
    backward = rotation.backward(np.rint(4 * noise((rotation.size,), 61)).astype(np.float32))
    assert digest(4096 * backward) == ROTATED_BACK
    assert Rotation(3, KEY, 5).forward(np.array([1, 2, 4], np.float32)).tolist() == ROTATED_THREE


def test_walk() -> None:
    assert digest(beam.BRANCH_KEYS) == BRANCH_KEYS
    symbols = (philox_words(300, KEY, stream=(7, 7, 7)) & 3).astype(np.uint8)
    rows = [beam.walk(symbols, bits, root, beam.BRANCH_KEYS) for bits, root in ((12, 1), (12, 0xFFFFFFFF), (4, 77))]
    assert digest(rows) == WALKS


def test_trees_and_edges() -> None:
    step = TreeStep(9000, 2500, TREE_PRESETS[0])
    assert step.trees == [(0, 833), (833, 1666), (1666, 2500)]
    assert [len(TreeStep(9000, n, TREE_PRESETS[0]).trees) for n in (1, 1024, 1025, 2048, 2049)] == [1, 1, 2, 2, 3]
    assert digest(step.edges) == EDGES
    assert step.num_bits == 5000


@pytest.mark.parametrize("preset", [0, 1, 2])
def test_variances(preset: int) -> None:
    """What a preset and a number of stages say about the scale of a sample, to nine digits."""
    found = [TreeStep(3000, stages, TREE_PRESETS[preset]).variance for stages in STAGES]
    assert found == pytest.approx(VARIANCES[preset], rel=1e-9, abs=0)
    assert TreeStep(4, 4000, TREE_PRESETS[preset]).variance == pytest.approx(1.0686474581524463e13, rel=1e-9)


@pytest.mark.parametrize("preset", [0, 1, 2])
def test_samples(preset: int) -> None:
    """Symbols of three trees to numbers of three blocks; some at each end of each tree, and what was not received."""
    step = TreeStep(9000, 2500, TREE_PRESETS[preset])
    symbols = (philox_words(2400, KEY, stream=(8, 8, 8)) & 3).astype(np.uint8)
    missing = noise((9000,), 62).astype(np.float32)
    sample = reproduce(symbols, step, key=KEY, number=9, missing=missing)
    assert sample[::1000].tolist() == pytest.approx(SAMPLES[preset], abs=1e-5)
    assert float(np.dot(sample, noise((9000,), 63))) == pytest.approx(PRODUCTS[preset], abs=1e-3)
