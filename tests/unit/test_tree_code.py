"""Channel simulation: unbiased samples, exact reproduction, golden bits."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from diffdemo.coding import beam
from diffdemo.coding.codebook import MAX_ROWS, codebook, normal_quantiles, rows_for
from diffdemo.coding.rotation import Rotation, padded_size
from diffdemo.coding.tree_code import BALANCED, BEST, FAST, TREE_PRESETS, TreeStep, reproduce, simulate, stages_for

KEY = (7, 11)
GOLDEN_ROWS = [281, 732, 1128, 2610, 706, 438, 3361, 1021]
GOLDEN_ROWS_HASH = "d778fb7e4d9f550d"
GOLDEN_SAMPLE = [-1.34105, -2.88004, -0.58094, -0.62718, -1.24419, -2.48054]
GOLDEN_CODEBOOK = [-1.108154296875, 1.273193359375, 0.323974609375, -0.4228515625]


def shifted(step: TreeStep, seed: int, *, heavy: bool = False) -> np.ndarray:
    """mu of exactly the energy that a step is made for, optionally with most of it in few places."""
    random = np.random.default_rng(seed)
    mu = random.standard_normal(step.dimensions)
    if heavy:
        mu *= np.exp(1.5 * random.standard_normal(step.dimensions))
    return (mu * math.sqrt(step.energy) / np.linalg.norm(mu)).astype(np.float32)


@pytest.mark.parametrize("preset", [FAST, BALANCED], ids=["fast", "balanced"])
@pytest.mark.parametrize("heavy", [False, True])
def test_samples_are_unbiased_and_normal(preset, heavy):
    from scipy import stats

    step = TreeStep(3 * 64 * 64, 250, preset)
    shifts, residuals = [], []
    for number in range(24):
        mu = shifted(step, number, heavy=heavy)
        sample = reproduce(simulate(mu, step, key=KEY, number=number), step, key=KEY, number=number)
        shifts.append(float(sample @ mu / (mu @ mu)) - 1)
        residuals.append(sample - mu)
    residual = np.concatenate(residuals)
    assert abs(np.mean(shifts)) < 0.01
    assert 0.97 < residual.var() < 1.03
    assert stats.kstest(residual[::17], "norm").pvalue > 1e-3
    assert abs(np.corrcoef(residual[:-1], residual[1:])[0, 1]) < 0.01


def test_a_wider_beam_needs_fewer_bits_for_the_same_divergence():
    needed = [stages_for(2000.0, 100_000, preset) for preset in (FAST, BALANCED, BEST)]
    assert needed == sorted(needed, reverse=True)
    assert len(set(needed)) == 3


@pytest.mark.parametrize("dimensions", [1, 3, 4, 5, 48, 1000, 4097, 3 * 37 * 53])
@pytest.mark.parametrize("stages", [1, 4, 64])
def test_every_size_reproduces_what_was_simulated(dimensions, stages):
    step = TreeStep(dimensions, stages, FAST)
    symbols = simulate(shifted(step, 1), step, key=KEY, number=3)
    assert symbols.shape == (stages,)
    assert symbols.max() <= 3
    sample = reproduce(symbols, step, key=KEY, number=3)
    assert sample.shape == (dimensions,)
    assert np.isfinite(sample).all()


def test_long_steps_are_cut_into_trees_that_decode_one_by_one():
    step = TreeStep(5 * 4096, 2500, FAST)
    assert len(step.trees) == 3
    assert step.trees[0][0] == 0
    assert step.trees[-1][1] == 2500
    symbols = simulate(shifted(step, 5), step, key=KEY, number=0)
    whole = reproduce(symbols, step, key=KEY, number=0)
    damaged = symbols.copy()
    damaged[step.trees[1][0]] ^= 1
    changed = reproduce(damaged, step, key=KEY, number=0)
    rotation = Rotation(5 * 4096, KEY, 0)
    same = rotation.forward(whole) - rotation.forward(changed)
    first = step.edges[step.trees[1][0]]
    assert np.abs(same[:first]).max() < 1e-3
    assert np.abs(same[first : step.edges[step.trees[1][1]]]).max() > 0.5


def test_received_part_of_a_cut_step_carries_its_share_of_the_mean():
    step = TreeStep(3 * 64 * 64, 400, FAST)
    fractions = []
    for number in range(8):
        mu = shifted(step, number)
        symbols = simulate(mu, step, key=KEY, number=number)
        half = reproduce(symbols[:200], step, key=KEY, number=number)
        fractions.append(float(half @ mu / (mu @ mu)))
    assert abs(np.mean(fractions) - 0.5) < 0.06


def test_missing_stages_are_filled_with_what_is_given():
    step = TreeStep(3 * 32 * 32, 100, FAST)
    fill = np.random.default_rng(0).standard_normal(step.dimensions).astype(np.float32)
    nothing = np.empty(0, np.uint8)
    assert np.allclose(reproduce(nothing, step, key=KEY, number=2, missing=fill), fill, atol=1e-5)


def test_golden_symbols():
    """The decoder's walk, integer by integer: a change here is a change of the format."""
    symbols = np.arange(40, dtype=np.uint8) % 4
    rows = beam.walk(symbols, 12, np.uint32(12345), beam.BRANCH_KEYS)
    assert rows[:8].tolist() == GOLDEN_ROWS
    assert hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16] == GOLDEN_ROWS_HASH


def test_golden_sample():
    """Symbols to sample: rounding may differ in the last place, the numbers may not."""
    step = TreeStep(3 * 16 * 16, 64, BALANCED)
    sample = reproduce(np.arange(64, dtype=np.uint8) % 3, step, key=KEY, number=1)
    assert np.allclose(sample[:6], GOLDEN_SAMPLE, atol=2e-5)


def test_presets_keep_their_numbers():
    assert {n: (p.slope, p.start) for n, p in TREE_PRESETS.items()} == {
        0: (FAST.slope, FAST.start),
        1: (BALANCED.slope, BALANCED.start),
        2: (BEST.slope, BEST.start),
    }
    assert [FAST.number, BALANCED.number, BEST.number] == [0, 1, 2]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 100, 4096, 5000, 12_345])
def test_rotation_is_orthonormal_and_invertible(dimensions):
    rotation = Rotation(dimensions, KEY, 9)
    x = np.random.default_rng(1).standard_normal(dimensions).astype(np.float32)
    y = rotation.forward(x)
    assert y.shape == (padded_size(dimensions),)
    assert np.isclose(np.linalg.norm(y), np.linalg.norm(x), rtol=1e-5)
    assert np.allclose(rotation.backward(y), x, atol=1e-5)


def test_rotation_spreads_a_single_pixel_over_everything():
    rotation = Rotation(3 * 64 * 64, KEY, 4)
    x = np.zeros(3 * 64 * 64, np.float32)
    x[5000] = 1
    y = rotation.forward(x)
    assert np.count_nonzero(np.abs(y) > 1e-6) > 0.3 * len(y)
    assert (y**2).max() < 40 / len(y)


def test_rotation_differs_from_step_to_step():
    x = np.ones(512, np.float32)
    assert not np.allclose(Rotation(512, KEY, 0).forward(x), Rotation(512, KEY, 1).forward(x))


def test_codebook_is_standard_normal_and_addressable():
    wide = codebook(256, 1000)
    assert abs(wide.std() - 1) < 0.01
    assert abs(wide.mean()) < 0.01
    first = wide[:, :64].copy()
    codebook(256, 9000)
    assert np.array_equal(codebook(256, 64)[:, :64], first)
    assert wide[3, :4].tolist() == GOLDEN_CODEBOOK


def test_rows_shrink_only_where_rows_are_long():
    assert rows_for(10) == MAX_ROWS
    assert rows_for(100_000) < rows_for(10_000) < MAX_ROWS
    assert all(rows_for(n) & (rows_for(n) - 1) == 0 for n in (1, 77, 5000, 10**6, 10**7))


def test_quantiles_are_those_of_the_normal_distribution():
    from scipy import stats

    table = normal_quantiles() / 4096
    expected = stats.norm.ppf((np.arange(65536) + 0.5) / 65536)
    assert np.abs(table - expected).max() < 0.51 / 4096
    assert np.array_equal(table, -table[::-1])
