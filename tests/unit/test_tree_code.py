"""Channel simulation: unbiased samples, exact reproduction, golden bits."""

from __future__ import annotations

import hashlib
import math
import tracemalloc

import numpy as np
import pytest

from diffdemo.coding import beam
from diffdemo.coding.codebook import codebook, normal_quantiles, rows_for
from diffdemo.coding.rotation import ClassRotation, PaddedRotation, padded_size
from diffdemo.coding.tree_code import TREE_CODES, Classes, Coverage, TreeStep, prior_sample, reproduce
from diffdemo.coding.tree_search import BALANCED, BEST, FAST, Search, simulate, slope_of

KEY = (7, 11)
UNEQUAL = Classes((200, 3000, 9000), (1.0, 0.2, 0.02))
"""A few large entries, many small ones."""
COUNTS = {FAST: 24, BALANCED: 12}
"""Samples of each, which take about as long."""
GOLDEN_ROWS = [281, 732, 1128, 2610, 706, 438, 3361, 1021]
GOLDEN_ROWS_HASH = "d778fb7e4d9f550d"
GOLDEN_SAMPLE = [-1.34105, -2.88004, -0.58094, -0.62718, -1.24419, -2.48054]
GOLDEN_CODEBOOK = [-1.108154296875, 1.273193359375, 0.323974609375, -0.4228515625]


def one_class(dimensions: int, stages: int, search: Search) -> TreeStep:
    return TreeStep(Classes.single(dimensions), stages, search.code)


def shifted(step: TreeStep, search: Search, seed: int, *, heavy: bool = False) -> np.ndarray:
    """mu of exactly the energy that a step delivers in every class, optionally with most of it in few places."""
    random = np.random.default_rng(seed)
    variances = step.classes.scaled(search.delivered_bits(step.stages))
    parts = []
    for size, variance in zip(step.classes.sizes, variances, strict=True):
        part = random.standard_normal(size)
        if heavy:
            part *= np.exp(1.5 * random.standard_normal(size))
        parts.append(part * math.sqrt(size * variance) / np.linalg.norm(part))
    return np.concatenate(parts).astype(np.float32)


def moments(step: TreeStep, search: Search, *, heavy: bool, count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Of many samples, for each: how much longer its part along mu is than mu, by class; and all that is not mu."""
    spans = np.cumsum(step.classes.sizes)[:-1]
    shifts, residuals = [], []
    for number in range(count):
        mu = shifted(step, search, number, heavy=heavy)
        sample = reproduce(simulate(mu, step, search, key=KEY, number=number), step, key=KEY, number=number)
        parts = zip(np.split(sample, spans), np.split(mu, spans), strict=True)
        shifts.append([float(found @ wanted / (wanted @ wanted)) - 1 for found, wanted in parts])
        residuals.append(sample - mu)
    return np.array(shifts), np.array(residuals)


@pytest.mark.parametrize("search", [FAST, BALANCED], ids=["fast", "balanced"])
@pytest.mark.parametrize("heavy", [False, True])
def test_samples_are_unbiased_and_normal(search, heavy):
    from scipy import stats

    shifts, residuals = moments(one_class(3 * 64 * 64, 250, search), search, heavy=heavy, count=COUNTS[search])
    residual = residuals.ravel()
    assert abs(shifts.mean()) < 0.01
    assert 0.97 < residual.var() < 1.03
    assert stats.kstest(residual[::17], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(residual[:-1], residual[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("search", [FAST, BALANCED], ids=["fast", "balanced"])
@pytest.mark.parametrize("heavy", [False, True])
def test_samples_of_unequal_classes_are_unbiased_and_normal_in_each(search, heavy):
    from scipy import stats

    step = TreeStep(UNEQUAL, 250, search.code)
    shifts, residuals = moments(step, search, heavy=heavy, count=COUNTS[search])
    energies = UNEQUAL.scaled(search.delivered_bits(250)) * UNEQUAL.sizes
    # What so many samples of unit variance leave open, in units of mu: three deviations and a little bias.
    assert np.all(np.abs(shifts.mean(axis=0)) < 0.03 + 3 / np.sqrt(COUNTS[search] * energies))
    spans = np.cumsum(UNEQUAL.sizes)[:-1]
    for part in np.split(residuals, spans, axis=1):
        assert part.var() == pytest.approx(1, abs=0.03 + 3 * math.sqrt(2 / part.size))
        assert stats.kstest(part.ravel()[::7], "norm").pvalue > 1e-3
        assert abs(part.mean()) < 4 / math.sqrt(part.size)


def test_classes_take_fewer_bits_than_one_class_for_the_same_errors():
    """A prior that knows where the energy lies asks for less: by Jensen's inequality, for any unequal variances."""
    variances = UNEQUAL.scaled(500.0)
    mean = float(np.array(UNEQUAL.sizes) @ variances) / UNEQUAL.dimensions
    alike = UNEQUAL.dimensions / 2 * math.log2(1 + mean)
    assert alike > 1.07 * 500
    assert Classes.single(UNEQUAL.dimensions).scaled(alike)[0] == pytest.approx(mean)


@pytest.mark.parametrize("bits", [0.0, 1e-3, 30.0, 2000.0, 1e5])
def test_variances_cost_what_they_are_scaled_to(bits):
    variances = UNEQUAL.scaled(bits)
    assert float(np.array(UNEQUAL.sizes) @ np.log2(1 + variances)) / 2 == pytest.approx(bits, rel=1e-9)
    assert variances / variances.max() == pytest.approx(UNEQUAL.weights) if bits else not variances.any()


def test_energies_are_those_of_the_classes():
    vector = np.concatenate([np.full(size, k + 1.0) for k, size in enumerate(UNEQUAL.sizes)]).astype(np.float32)
    assert UNEQUAL.energies(vector).tolist() == [200, 4 * 3000, 9 * 9000]
    assert UNEQUAL.dimensions == len(vector) == 12_200


@pytest.mark.parametrize("stages", [1, 3, 64, 250, 2500, 20_000])
def test_every_entry_is_covered_once_and_stages_carry_the_same_share(stages):
    step = TreeStep(UNEQUAL, stages, FAST.code)
    coverage = Coverage.of(step)
    ends = np.cumsum(UNEQUAL.sizes)
    all_edges = [coverage.edges(k, 0, stages) for k in range(len(UNEQUAL.sizes))]
    for edges, columns, size, end in zip(all_edges, coverage.columns, UNEQUAL.sizes, ends, strict=True):
        assert (edges[0], edges[-1]) == (end - size, end)
        widths = np.diff(edges)
        assert widths.max() - widths.min() <= 1
        assert widths.max() <= columns.stop - columns.start
    assert [columns.start for columns in coverage.columns[1:]] == [columns.stop for columns in coverage.columns[:-1]]
    assert coverage.columns[0].start == 0
    if stages <= 200:
        nats = sum(np.diff(edges) * math.log1p(v) for edges, v in zip(all_edges, step.variances, strict=True))
        assert nats.max() - nats.min() < sum(math.log1p(v) for v in step.variances) + 1e-9


def test_a_prior_sample_is_as_wide_as_the_prior():
    step = TreeStep(UNEQUAL, 2500, FAST.code)
    noise = np.random.default_rng(2).standard_normal(UNEQUAL.dimensions).astype(np.float32)
    sample = prior_sample(noise, step, key=KEY, number=1)
    for part, v in zip(np.split(sample, np.cumsum(UNEQUAL.sizes)[:-1]), step.variances, strict=True):
        assert part.var() == pytest.approx(1 + v, rel=5 * math.sqrt(2 / len(part)))


def test_a_wider_beam_needs_fewer_bits_for_the_same_divergence():
    needed = [search.stages_for(4000.0) for search in (FAST, BALANCED, BEST)]
    assert needed == sorted(needed, reverse=True)
    assert len(set(needed)) == 3
    assert [slope_of(beam) for beam in (64, 512, 16_384)] == sorted(map(slope_of, (64, 512, 16_384)), reverse=True)


@pytest.mark.parametrize("search", [FAST, BALANCED, BEST], ids=["fast", "balanced", "best"])
def test_short_steps_are_searched_more_widely_for_the_same_work(search):
    beams = [search.beam_for(stages) for stages in (64, 300, 1000, 3000, 100_000)]
    assert beams == sorted(beams, reverse=True)
    assert beams[-1] == search.narrowest < beams[0]
    assert all(beam & (beam - 1) == 0 for beam in beams)
    # A step of few stages has few paths.
    assert [search.beam_for(stages) for stages in (1, 2, 4)] == sorted(search.beam_for(stages) for stages in (1, 2, 4))
    assert search.beam_for(2) <= 4**2
    for stages in (1, 7, 64, 999, 1025, 3000):
        bits = search.delivered_bits(stages)
        assert bits == 0 or search.stages_for(bits) <= stages + max(1, stages // 256)
        assert search.delivered_bits(search.stages_for(bits)) >= bits
    # The decoder's idea of a long step is the encoder's.
    assert slope_of(search.narrowest) == pytest.approx(search.code.slope, abs=0.006)


@pytest.mark.parametrize("dimensions", [1, 3, 4, 5, 48, 1000, 4097, 3 * 37 * 53])
@pytest.mark.parametrize("stages", [1, 4, 64])
def test_every_size_reproduces_what_was_simulated(dimensions, stages):
    step = one_class(dimensions, stages, FAST)
    symbols = simulate(shifted(step, FAST, 1), step, FAST, key=KEY, number=3)
    assert symbols.shape == (stages,)
    assert symbols.max() <= 3
    sample = reproduce(symbols, step, key=KEY, number=3)
    assert sample.shape == (dimensions,)
    assert np.isfinite(sample).all()


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 1, 2, 9), (64, 1, 4096), (1, 5000, 3)])
@pytest.mark.parametrize("stages", [1, 4, 64])
def test_every_size_of_classes_reproduces_what_was_simulated(sizes, stages):
    step = TreeStep(Classes(sizes, tuple(0.5**k for k in range(len(sizes)))), stages, FAST.code)
    symbols = simulate(shifted(step, FAST, 1), step, FAST, key=KEY, number=3)
    assert symbols.shape == (stages,)
    assert symbols.max() <= 3
    sample = reproduce(symbols, step, key=KEY, number=3)
    assert sample.shape == (sum(sizes),)
    assert np.isfinite(sample).all()


def test_long_steps_are_cut_into_trees_that_decode_one_by_one():
    step = one_class(5 * 4096, 2500, FAST)
    assert len(step.trees) == 3
    assert step.trees[0][0] == 0
    assert step.trees[-1][1] == 2500
    symbols = simulate(shifted(step, FAST, 5), step, FAST, key=KEY, number=0)
    whole = reproduce(symbols, step, key=KEY, number=0)
    damaged = symbols.copy()
    damaged[step.trees[1][0]] ^= 1
    changed = reproduce(damaged, step, key=KEY, number=0)
    rotation = ClassRotation((5 * 4096,), KEY, 0)
    edges = Coverage.of(step).edges(0, 0, step.stages)
    same = rotation.forward(whole) - rotation.forward(changed)
    first = edges[step.trees[1][0]]
    assert np.abs(same[:first]).max() < 1e-3
    assert np.abs(same[first : edges[step.trees[1][1]]]).max() > 0.5


def test_a_step_of_millions_of_stages_takes_no_memory_for_those_that_are_not_there():
    """What a header and a few bytes can ask for: many classes, and as many stages as the longest step has."""
    classes = Classes((40_000,) * 30, tuple(1.0 / (k + 1) for k in range(30)))
    step = TreeStep(classes, classes.dimensions // 2, FAST.code)
    reproduce(np.zeros(0, np.uint8), step, key=KEY, number=0)
    tracemalloc.start()
    try:
        reproduce(np.zeros(10, np.uint8), step, key=KEY, number=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80 * classes.dimensions


def test_received_part_of_a_cut_step_carries_its_share_of_the_mean():
    step = one_class(3 * 64 * 64, 400, FAST)
    fractions = []
    for number in range(8):
        mu = shifted(step, FAST, number)
        symbols = simulate(mu, step, FAST, key=KEY, number=number)
        half = reproduce(symbols[:200], step, key=KEY, number=number)
        fractions.append(float(half @ mu / (mu @ mu)))
    assert abs(np.mean(fractions) - 0.5) < 0.06


def test_missing_stages_are_filled_with_what_is_given():
    step = one_class(3 * 32 * 32, 100, FAST)
    fill = np.random.default_rng(0).standard_normal(3 * 32 * 32).astype(np.float32)
    nothing = np.empty(0, np.uint8)
    assert np.allclose(reproduce(nothing, step, key=KEY, number=2, missing=fill), fill, atol=1e-5)


def test_golden_symbols():
    """The walk of version 1, integer by integer: a change here is a change of the format."""
    symbols = np.arange(40, dtype=np.uint8) % 4
    rows = beam.walk_of_version_1(symbols, 12, np.uint32(12345), beam.BRANCH_KEYS)
    assert rows[:8].tolist() == GOLDEN_ROWS
    assert hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16] == GOLDEN_ROWS_HASH


def test_golden_sample():
    """Symbols of version 1 to a sample: rounding may differ in the last place, the numbers may not."""
    step = TreeStep(Classes.single(3 * 16 * 16), 64, TREE_CODES[1])
    sample = reproduce(np.arange(64, dtype=np.uint8) % 3, step, key=KEY, number=1)
    assert np.allclose(sample[:6], GOLDEN_SAMPLE, atol=2e-5)


def test_codes_keep_their_numbers():
    assert [code.number for code in TREE_CODES.values()] == list(TREE_CODES) == [0, 1, 2, 3, 4, 5]
    assert [code.is_first for code in TREE_CODES.values()] == [True] * 3 + [False] * 3
    assert [search.code.number for search in (FAST, BALANCED, BEST)] == [3, 4, 5]
    assert [search.code for search in (FAST, BALANCED, BEST)] == [TREE_CODES[number] for number in (3, 4, 5)]


def test_the_first_entry_of_a_walk_is_the_root_s_and_siblings_differ_in_signs_alone():
    """All four symbols of a stage share a row; what comes after them does not."""
    rows = [
        beam.walk(np.array([symbol, 0], np.uint8), 9, np.uint32(0xABCD1234), beam.BRANCH_KEYS) for symbol in range(4)
    ]
    assert {int(first) for first, _ in rows} == {0xABCD1234 >> 23}
    assert len({int(second) for _, second in rows}) == 4
    coverage = Coverage.of(one_class(1000, 100, FAST))
    first = [coverage.drawn(np.array([symbol], np.uint8), 99, is_first=False)[0] for symbol in range(4)]
    assert np.array_equal(first[3], -first[0])
    assert np.array_equal(first[2], -first[1])
    assert np.array_equal(first[1][::2], first[0][::2])
    assert np.array_equal(first[1][1::2], -first[0][1::2])


@pytest.mark.parametrize("dimensions", [1, 2, 3, 100, 4096, 5000, 12_345])
def test_rotation_of_version_1_is_orthonormal_and_invertible(dimensions):
    rotation = PaddedRotation(dimensions, KEY, 9)
    x = np.random.default_rng(1).standard_normal(dimensions).astype(np.float32)
    y = rotation.forward(x)
    assert y.shape == (padded_size(dimensions),)
    assert np.isclose(np.linalg.norm(y), np.linalg.norm(x), rtol=1e-5)
    assert np.allclose(rotation.backward(y), x, atol=1e-5)


@pytest.mark.parametrize("size", [*range(1, 20), 31, 64, 100, 2049, 4096, 4097, 5000, 8191, 8192, 12_345])
def test_rotation_of_a_class_is_orthonormal_and_invertible(size):
    rotation = ClassRotation((size,), KEY, 9)
    x = np.random.default_rng(1).standard_normal(size).astype(np.float32)
    before = x.copy()
    y = rotation.forward(x)
    assert y.shape == (size,)
    assert np.array_equal(x, before)
    assert np.isclose(np.linalg.norm(y), np.linalg.norm(x), rtol=1e-5)
    assert np.allclose(rotation.backward(y), x, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 12, 33])
def test_rotation_of_a_class_is_a_matrix_of_rows_at_right_angles(size):
    rotation = ClassRotation((size, 4), KEY, 2)
    matrix = np.stack([rotation.forward(row) for row in np.eye(size + 4, dtype=np.float32)])
    assert np.allclose(matrix @ matrix.T, np.eye(size + 4), atol=1e-5)
    assert not matrix[:size, size:].any()
    assert not matrix[size:, :size].any()


def test_rotation_leaves_energy_in_its_class():
    rotation = ClassRotation(UNEQUAL.sizes, KEY, 3)
    x = np.random.default_rng(4).standard_normal(UNEQUAL.dimensions).astype(np.float32)
    assert UNEQUAL.energies(rotation.forward(x)) == pytest.approx(UNEQUAL.energies(x), rel=1e-5)


@pytest.mark.parametrize("size", [1025, 4097, 6000])
def test_rotation_spreads_an_entry_of_a_class_over_all_of_it(size):
    """Also where the last block lies half over the one before."""
    rotation = ClassRotation((size,), KEY, 4)
    for place in (0, size // 2, size - 1):
        x = np.zeros(size, np.float32)
        x[place] = 1
        y = rotation.forward(x)
        assert np.count_nonzero(np.abs(y) > 1e-6) > 0.3 * size
        assert (y**2).max() < 60 / size


@pytest.mark.parametrize("rotation", [PaddedRotation(3 * 64 * 64, KEY, 4), ClassRotation((3 * 64 * 64,), KEY, 4)])
def test_rotation_spreads_a_single_pixel_over_everything(rotation):
    x = np.zeros(3 * 64 * 64, np.float32)
    x[5000] = 1
    y = rotation.forward(x)
    assert np.count_nonzero(np.abs(y) > 1e-6) > 0.3 * len(y)
    assert (y**2).max() < 40 / len(y)


def test_rotation_differs_from_step_to_step():
    x = np.ones(512, np.float32)
    assert not np.allclose(PaddedRotation(512, KEY, 0).forward(x), PaddedRotation(512, KEY, 1).forward(x))
    assert not np.allclose(ClassRotation((512,), KEY, 0).forward(x), ClassRotation((512,), KEY, 1).forward(x))


def test_codebook_is_standard_normal_and_addressable():
    wide = codebook(256, 1000)
    assert abs(wide.std() - 1) < 0.01
    assert abs(wide.mean()) < 0.01
    first = wide[:, :64].copy()
    codebook(256, 9000)
    assert np.array_equal(codebook(256, 64)[:, :64], first)
    assert wide[3, :4].tolist() == GOLDEN_CODEBOOK


def test_rows_shrink_only_where_rows_are_long():
    for most in (512, 4096):
        assert rows_for(10, most) == most
        assert rows_for(300_000, most) < rows_for(30_000, most) < most
        assert all(rows_for(n, most) & (rows_for(n, most) - 1) == 0 for n in (1, 77, 5000, 10**6, 10**7))


def test_quantiles_are_those_of_the_normal_distribution():
    from scipy import stats

    table = normal_quantiles() / 4096
    expected = stats.norm.ppf((np.arange(65536) + 0.5) / 65536)
    assert np.abs(table - expected).max() < 0.51 / 4096
    assert np.array_equal(table, -table[::-1])
