"""Integer frequency tables: they are what the format says, and cost next to nothing."""

from __future__ import annotations

import math
import zlib
from itertools import pairwise

import numpy as np
import pytest

from diffdemo.coding.frequency import (
    SCALE_THRESHOLDS,
    SCALES,
    TOTAL,
    WIDTHS,
    FactorisedPrior,
    FrequencyTable,
    factorised_tables,
    gaussian_tables,
    scale_index,
)
from diffdemo.coding.philox import philox_words

GOLDEN_SCALES = [6912, 7134, 7365, 7602]
GOLDEN_TABLES_CRC = 0x8A264113
GOLDEN_COUNTS = {
    0: [16777088, 128],
    40: [544, 1534950, 13706100, 1534950, 544, 128],
    71: [63, 4093, 103606, 1028802, 4054017, 6395926, 4054017, 1028802, 103606, 4093, 63, 128],
}
GOLDEN_FACTORISED_CRC = 0x1AB9E7AC


def tables_crc(tables: tuple[FrequencyTable, ...]) -> int:
    """CRC-32 of every table's lowest symbol, number of entries and entries, as little-endian int32."""
    numbers = [[table.lowest, len(table.counts), *table.counts.tolist()] for table in tables]
    return zlib.crc32(np.concatenate(numbers).astype("<i4").tobytes())


def tail(x: float) -> float:
    return math.erfc(x / math.sqrt(2)) / 2


def gaussian_mass(k: int, scale: float) -> float:
    k = abs(k)
    return 1 - 2 * tail(0.5 / scale) if k == 0 else tail((k - 0.5) / scale) - tail((k + 0.5) / scale)


def code_length(table: FrequencyTable, symbol: int) -> float:
    """Bits of a symbol, escapes by the description of the format."""
    if table.lowest <= symbol <= table.highest:
        return -math.log2(table.counts[symbol - table.lowest] / TOTAL)
    number = 2 * (symbol - table.highest) - 1 if symbol > table.highest else 2 * (table.lowest - symbol)
    return -math.log2(table.counts[-1] / TOTAL) + 2 * number.bit_length() - 1


def small_prior(channels: int) -> FactorisedPrior:
    """A prior of dyadic numbers between -2 and 2, the same on every machine."""
    words = philox_words(channels * 64, (1, 2)).reshape(channels, 64)
    numbers = (words.astype(np.float64) - 2.0**31) / 2.0**30
    taken = 0

    def take(*shape: int) -> np.ndarray:
        nonlocal taken
        taken += math.prod(shape)
        return numbers[:, taken - math.prod(shape) : taken].reshape(channels, *shape).astype(np.float32)

    layers = list(pairwise(WIDTHS))
    weights = tuple(take(*layer) for layer in layers)
    biases = tuple(take(layer[1]) for layer in layers)
    return FactorisedPrior(weights, biases, tuple(take(3) for _ in range(3)), take(1)[:, 0])


def logistic_prior(slope: float, median: float) -> FactorisedPrior:
    """One channel whose logit is slope * (x - median)."""
    inverse = math.log(math.expm1(1 / 3))
    first = math.log(math.expm1(slope))
    weights = [np.full((1, *layer), inverse) for layer in pairwise(WIDTHS)]
    weights[0][:] = first
    biases = [np.zeros((1, width)) for width in WIDTHS[1:]]
    biases[0][:] = -slope * median
    # Three units that each add a third: averages, until the last layer sums a third of each.
    return FactorisedPrior(tuple(weights), tuple(biases), (np.zeros((1, 3)),) * 3, np.array([median]))


@pytest.mark.parametrize("counts", [[TOTAL], [TOTAL, 0], [TOTAL - 1, 2], [TOTAL + 1, -1], []])
def test_only_positive_counts_of_the_right_sum(counts: list[int]) -> None:
    with pytest.raises(ValueError):
        FrequencyTable(0, np.array(counts, np.int64))


def test_scales_are_a_geometric_grid_of_integers() -> None:
    assert SCALES[:4].tolist() == GOLDEN_SCALES
    assert SCALES[255] / 2**16 > 300
    assert np.allclose(SCALES[1:] / SCALES[:-1], 32 / 31, rtol=1e-3, atol=0)


def test_scale_index_changes_exactly_at_the_thresholds() -> None:
    assert scale_index(SCALES).tolist() == list(range(256))
    assert scale_index(SCALE_THRESHOLDS).tolist() == list(range(1, 256))
    assert scale_index(SCALE_THRESHOLDS - 1).tolist() == list(range(255))
    found = scale_index(np.array([[0, -5], [1 << 40, 6553]]))
    assert found.dtype == np.uint8
    assert found.tolist() == [[0, 0], [255, 0]]


def test_golden_gaussian_tables() -> None:
    tables = gaussian_tables()
    assert {i: tables[i].counts.tolist() for i in GOLDEN_COUNTS} == GOLDEN_COUNTS
    assert tables_crc(tables) == GOLDEN_TABLES_CRC


def test_gaussian_tables_are_as_wide_as_the_mass() -> None:
    for table, scale in zip(gaussian_tables(), SCALES / 2**16, strict=True):
        assert -table.lowest == table.highest
        assert 2 * tail((table.highest + 0.5) / scale) <= 2**-18 < 2 * tail((table.highest - 0.5) / scale)


@pytest.mark.parametrize("index", [0, 20, 100, 180, 255])
def test_gaussian_counts_are_the_nearest_integers(index: int) -> None:
    table, scale = gaussian_tables()[index], float(SCALES[index]) / 2**16
    masses = [gaussian_mass(k, scale) for k in range(table.lowest, table.highest + 1)]
    assert_nearest(table, masses, escape=128)


def assert_nearest(table: FrequencyTable, masses: list[float], escape: int) -> None:
    """All counts are rounded masses, or 1, but for a largest one, which takes up all differences."""
    ideal = np.maximum(np.array(masses) * TOTAL, 1)
    differences = np.abs(table.counts[:-1] - ideal)
    adjusted = differences.argmax()
    assert table.counts[-1] == escape
    assert ideal[adjusted] >= ideal.max() - 1
    assert np.delete(differences, adjusted).max(initial=0) <= 0.5 + 1e-4


def test_gaussian_tables_cost_little_more_than_the_exact_law() -> None:
    for scale in np.geomspace(0.01, 300, 120).tolist():
        table = gaussian_tables()[int(scale_index(np.array([round(scale * 2**16)]))[0])]
        symbols = range(-math.ceil(8 * scale) - 1, math.ceil(8 * scale) + 2)
        masses = [gaussian_mass(k, scale) for k in symbols]
        entropy = sum(-p * math.log2(p) for p in masses if p > 0)
        length = sum(p * code_length(table, k) for p, k in zip(masses, symbols, strict=True))
        assert entropy - 1e-9 <= length <= 1.003 * entropy + 1.3e-5


def test_factorised_tables_of_a_logistic_law() -> None:
    slope, median = 0.7, 2.25
    (table,) = factorised_tables(logistic_prior(slope, median))
    edges = [1 / (1 + math.exp(-slope * (k - 0.5))) for k in range(table.lowest, table.highest + 2)]
    assert table.lowest == -table.highest
    assert edges[0] <= 2**-19 < edges[1]
    assert_nearest(table, np.diff(edges).tolist(), escape=128)


def test_a_median_elsewhere_shifts_the_table() -> None:
    prior = logistic_prior(0.7, 0.0)
    shifted = FactorisedPrior(prior.weights, prior.biases, prior.gates, np.array([2.0]))
    (at_zero,), (at_two,) = factorised_tables(prior), factorised_tables(shifted)
    assert at_two.lowest == at_zero.lowest - 2
    assert at_two.counts.tolist() == at_zero.counts.tolist()


@pytest.mark.parametrize(("slope", "median"), [(100.0, 0.25), (0.001, 0.0)])
def test_laws_of_one_symbol_and_of_too_many(slope: float, median: float) -> None:
    (table,) = factorised_tables(logistic_prior(slope, median))
    if slope > 1:
        assert (table.lowest, table.counts.tolist()) == (0, [TOTAL - 128, 128])
    else:
        assert (table.lowest, table.highest) == (-127, 127)
        assert table.counts[-1] == pytest.approx(TOTAL * 2 / (1 + math.exp(0.1275)), abs=100)


@pytest.mark.parametrize("distance", [-400.0, 400.0])
def test_a_law_out_of_reach_is_all_escapes(distance: float) -> None:
    prior = logistic_prior(1.0, 0.0)
    (table,) = factorised_tables(FactorisedPrior(prior.weights, prior.biases, prior.gates, np.array([distance])))
    assert len(table.counts) == 2
    assert table.counts[-1] == TOTAL - 1


def test_logits_agree_with_matrix_products() -> None:
    prior = small_prior(40)
    x = np.linspace(-20, 20, 101)[None].repeat(40, 0)
    h = x[:, :, None]
    for layer in range(4):
        h = h @ np.log1p(np.exp(prior.weights[layer].astype(float))) + prior.biases[layer][:, None]
        if layer < 3:
            h = h + np.tanh(prior.gates[layer].astype(float))[:, None] * np.tanh(h)
    assert np.allclose(prior.logits(x), h[:, :, 0], rtol=1e-12, atol=1e-12)


def test_golden_factorised_tables() -> None:
    tables = factorised_tables(small_prior(64))
    assert tables_crc(tables) == GOLDEN_FACTORISED_CRC
    assert len({len(table.counts) for table in tables}) > 5


def test_factorised_tables_do_not_depend_on_other_channels() -> None:
    prior = small_prior(5)
    alone = FactorisedPrior(
        *(tuple(array[3:4] for array in arrays) for arrays in (prior.weights, prior.biases, prior.gates)),
        prior.medians[3:4],
    )
    assert tables_crc(factorised_tables(alone)) == tables_crc(factorised_tables(prior)[3:4])


def test_wrong_shapes_and_numbers_are_refused() -> None:
    prior = small_prior(3)
    with pytest.raises(ValueError, match="shapes"):
        FactorisedPrior(prior.weights, prior.biases, prior.gates, prior.medians[:2])
    with pytest.raises(ValueError, match="shapes"):
        FactorisedPrior(prior.weights[:3], prior.biases, prior.gates, prior.medians)
    with pytest.raises(ValueError, match="finite"):
        FactorisedPrior(prior.weights, prior.biases, prior.gates, np.array([0, np.nan, 0]))
