"""Shared randomness, exactly: generator, signs, codebook, rotation, walks through the tree, the scale of a sample."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.coding import beam
from diffdemo.coding.codebook import codebook, normal_quantiles, rows_for
from diffdemo.coding.philox import philox_blocks, philox_signs, philox_words
from diffdemo.coding.rotation import ClassRotation, PaddedRotation, _permutation, padded_size
from diffdemo.coding.tree_code import (
    TREE_CODES,
    Classes,
    Coverage,
    TreeCode,
    TreeStep,
    prior_sample,
    reproduce,
    root_of,
)
from tests.golden.digests import digest
from tests.golden.numbers import noise

KEY = (0x12345678, 0x9ABCDEF0)
STAGES = (1, 3, 4, 63, 500, 2000, 3100)
CODES = {
    0: (1.118, 4.4, 4096, True),
    1: (1.073, 5.3, 4096, True),
    2: (1.053, 5.6, 4096, True),
    3: (1.080, 4.6, 512, False),
    4: (1.061, 5.2, 512, False),
    5: (1.043, 5.6, 512, False),
}
"""Number -> slope, start, most rows, whether it is of version 1."""
UNEQUAL = Classes((5000, 1, 37, 3962), (0.25, 1.0, 0.5, 0.0625))
SIMPLE = TreeCode(3, 1.0, 0.0, 512)
"""A code whose slope nobody calibrates."""

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
PLACES = "b4dda1a55574cc9b"
MIXED = "91fa38e53f6b5cfb"
MIXED_BACK = "a33c2db37a807d66"
SIGNED_WALKS = "f203dde54e8b8147"
ROOTS = "d86f92e4ff6f28ef"
SHARES = "e43868b19254963c"
DRAWN = "7aecbbed85a3dd08"
SCALED = [
    0.000456975132994,
    0.00182790053198,
    0.000913950265988,
    0.000114243783248,
    0.0296241888869,
    0.118496755548,
    0.0592483777738,
    0.00740604722172,
    2.66868072238,
    10.6747228895,
    5.33736144477,
    0.667170180596,
]
SAMPLE = [0.832186, 0.890084, -1.766899, 0.559187, 3.126932, 0.76571, 0.510771, 239.474506]
CUT_SAMPLE = [0.906154, 1.396419, -1.766899, 0.819565, 3.111172, 0.98207, 0.633308, 236.985005]
PRIOR_SAMPLE = [2.167319, 1.822268, -3.517423, 1.372432, 0.216213, 1.382212, -0.529628, 349.675487]


def one_class(dimensions: int, stages: int, code: int) -> TreeStep:
    return TreeStep(Classes.single(dimensions), stages, TREE_CODES[code])


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
    assert [rows_for(n, 4096) for n in columns] == [4096, 4096, 2048, 2048, 1024, 16, 16, 16, 16]
    assert [rows_for(n, 512) for n in (1, 16_384, 16_385, 32_769, 1 << 24)] == [512, 512, 256, 128, 16]


def test_sizes() -> None:
    dimensions = (1, 2, 3, 100, 2048, 2049, 4096, 4097, 9216, 12_289)
    assert [padded_size(n) for n in dimensions] == [1, 2, 4, 128, 2048, 4096, 4096, 8192, 12_288, 16_384]


def test_rotation_of_version_1() -> None:
    """Whole numbers, whose sums and sixty-fourths float32 holds exactly."""
    rotation = PaddedRotation(9000, KEY, 5)
    forward = rotation.forward(np.rint(4 * noise((9000,), 60)).astype(np.float32))
    assert digest(4096 * forward) == ROTATED
    backward = rotation.backward(np.rint(4 * noise((rotation.size,), 61)).astype(np.float32))
    assert digest(4096 * backward) == ROTATED_BACK
    assert PaddedRotation(3, KEY, 5).forward(np.array([1, 2, 4], np.float32)).tolist() == ROTATED_THREE


def test_walk_of_version_1() -> None:
    assert digest(beam.BRANCH_KEYS) == BRANCH_KEYS
    symbols = (philox_words(300, KEY, stream=(7, 7, 7)) & 3).astype(np.uint8)
    rows = [
        beam.walk_of_version_1(symbols, bits, root, beam.BRANCH_KEYS)
        for bits, root in ((12, 1), (12, 0xFFFFFFFF), (4, 77))
    ]
    assert digest(rows) == WALKS


def test_trees_and_edges() -> None:
    step = one_class(9000, 2500, 0)
    assert step.trees == [(0, 833), (833, 1666), (1666, 2500)]
    assert [len(one_class(9000, n, 0).trees) for n in (1, 1024, 1025, 2048, 2049)] == [1, 1, 2, 2, 3]
    assert digest(Coverage.of(step).edges(0, 0, step.stages)) == EDGES
    assert step.num_bits == 5000


@pytest.mark.parametrize("code", [0, 1, 2])
def test_variances_of_version_1(code: int) -> None:
    """What a preset and a number of stages say about the scale of a sample, to nine digits."""
    found = [float(one_class(3000, stages, code).variances[0]) for stages in STAGES]
    assert found == pytest.approx(VARIANCES[code], rel=1e-9, abs=0)
    assert one_class(4, 4000, code).variances == pytest.approx([1.0686474581524463e13], rel=1e-9)


@pytest.mark.parametrize("code", [0, 1, 2])
def test_samples_of_version_1(code: int) -> None:
    """Symbols of three trees to numbers of three blocks; some at each end of each tree, and what was not received."""
    step = one_class(9000, 2500, code)
    symbols = (philox_words(2400, KEY, stream=(8, 8, 8)) & 3).astype(np.uint8)
    missing = noise((9000,), 62).astype(np.float32)
    sample = reproduce(symbols, step, key=KEY, number=9, missing=missing)
    assert sample[::1000].tolist() == pytest.approx(SAMPLES[code], abs=1e-5)
    assert float(np.dot(sample, noise((9000,), 63))) == pytest.approx(PRODUCTS[code], abs=1e-3)


def test_places_between_the_rounds_of_a_class() -> None:
    """Odd sizes first: a stride that is looked for in larger steps would never be found for an even one."""
    odd = [_permutation(size) for size in (1, 3, 21, 37, 315)]
    assert [sorted(places.tolist()) == list(range(len(places))) for places in odd] == [True] * 5
    assert [int(places[1]) for places in odd[1:]] == [1, 13, 22, 194]
    assert digest(np.concatenate([_permutation(size) for size in (1, 2, 3, 10, 21, 37, 315, 4096, 5000)])) == PLACES


def test_rotation_of_classes() -> None:
    """Blocks of 4096, 1, 32 and 2048, and what they leave over; sums are rounded in the same order everywhere."""
    rotation = ClassRotation(UNEQUAL.sizes, KEY, 5)
    assert digest(rotation.forward(noise((9000,), 64).astype(np.float32)), "<f4") == MIXED
    assert digest(rotation.backward(noise((9000,), 65).astype(np.float32)), "<f4") == MIXED_BACK


def test_walk() -> None:
    symbols = (philox_words(300, KEY, stream=(7, 7, 7)) & 3).astype(np.uint8)
    rows = [beam.walk(symbols, bits, root, beam.BRANCH_KEYS) for bits, root in ((9, 1), (9, 0xFFFFFFFF), (4, 77))]
    assert digest(rows) == SIGNED_WALKS
    assert digest([root_of(KEY, number, tree) for number in (0, 1, 511) for tree in (0, 1, 7)]) == ROOTS


@pytest.mark.parametrize("number", CODES)
def test_codes(number: int) -> None:
    code = TREE_CODES[number]
    assert (code.number, code.slope, code.start, code.most_rows, code.is_first) == (number, *CODES[number])
    assert len(TREE_CODES) == len(CODES)


def test_shares_of_the_stages() -> None:
    """Which entries of each class a stage covers, and with which columns, for more and fewer stages than entries."""
    coverages = [Coverage.of(TreeStep(UNEQUAL, stages, SIMPLE)) for stages in (1, 3, 64, 700, 6000)]
    edges = np.concatenate([each.edges(k, 0, each.stages) for each in coverages for k in range(len(each.sizes))])
    columns = [columns for coverage in coverages for columns in coverage.columns]
    numbers = [n for slice_ in columns for n in (slice_.start, slice_.stop)]
    others = [n for coverage in coverages for n in (coverage.rows, coverage.log2_rows, coverage.width)]
    assert digest(np.concatenate([edges, numbers, others])) == SHARES
    inside = [coverages[3].inside(k, coverages[3].edges(k, 10, 60)) for k in range(4)]
    assert [int(filled.sum()) for filled in inside] == [357, 0, 3, 283]
    assert [filled.shape for filled in inside] == [(50, 8), (50, 1), (50, 1), (50, 6)]


def test_rows_with_signs() -> None:
    """The first bit of a symbol is the sign of the even columns, the second that of the odd ones."""
    coverage = Coverage.of(TreeStep(UNEQUAL, 700, SIMPLE))
    symbols = (philox_words(300, KEY, stream=(7, 7, 7)) & 3).astype(np.uint8)
    drawn = coverage.drawn(symbols, 12345, is_first=False)
    assert digest(4096 * drawn) == DRAWN
    other = coverage.drawn(symbols[:1] ^ 2, 12345, is_first=False)
    assert np.array_equal(other[0] == -drawn[0], np.arange(16) % 2 == 0)


@pytest.mark.parametrize("number", [3, 4, 5])
@pytest.mark.parametrize("stages", STAGES)
def test_variances(number: int, stages: int) -> None:
    """Of every class, against bisection; to nine digits."""
    slope, start, *_ = CODES[number]
    bits = max(0.0, (2 * stages - start * -(-stages // 1024)) / slope)
    sizes, weights = np.array(UNEQUAL.sizes), np.array(UNEQUAL.weights)
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        cost = float(sizes @ np.log2(1 + middle * weights)) / 2
        low, high = (middle, high) if cost < bits else (low, middle)
    found = TreeStep(UNEQUAL, stages, TREE_CODES[number]).variances
    assert found == pytest.approx(low * weights, rel=1e-9, abs=1e-15)


def test_variances_of_a_simple_code() -> None:
    found = [float(v) for stages in (1, 64, 3100) for v in TreeStep(UNEQUAL, stages, SIMPLE).variances]
    assert found == pytest.approx(SCALED, rel=1e-9, abs=0)
    # As much as float32 can hold, for the widest class.
    most = float(np.expm1(30.0))
    assert TreeStep(Classes((2, 2), (1.0, 0.5)), 4000, SIMPLE).variances == pytest.approx([most, most], rel=1e-12)


def test_samples() -> None:
    """Symbols of three trees to four classes, whole, and cut in the last tree; and what else may have been sent."""
    step = TreeStep(UNEQUAL, 2500, SIMPLE)
    symbols = (philox_words(2500, KEY, stream=(8, 8, 8)) & 3).astype(np.uint8)
    missing, against = noise((9000,), 62).astype(np.float32), noise((9000,), 63)
    whole = reproduce(symbols, step, key=KEY, number=9)
    cut = reproduce(symbols[:2400], step, key=KEY, number=9, missing=missing)
    prior = prior_sample(missing, step, key=KEY, number=9)
    for sample, expected in ((whole, SAMPLE), (cut, CUT_SAMPLE), (prior, PRIOR_SAMPLE)):
        found = [*sample[[0, 4999, 5000, 5001, 5037, 5038, 8999]].tolist(), float(np.dot(sample, against))]
        assert found == pytest.approx(expected, rel=1e-5, abs=1e-5)
