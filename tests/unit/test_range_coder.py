"""The range coder: what its bits mean, every symbol back, sizes, and bytes that no encoder wrote."""

from __future__ import annotations

import math

import numpy as np
import pytest
from constriction import stream

from diffdemo.coding.frequency import SCALES, TOTAL, FrequencyTable, gaussian_tables, scale_index
from diffdemo.coding.philox import philox_words
from diffdemo.coding.range_coder import (
    EXTRA_COUNTS,
    LARGEST_SYMBOL,
    LONGEST_EXTRA,
    SymbolDecoder,
    SymbolEncoder,
    _model,
    cost_bits,
)
from diffdemo.errors import CorruptBitstream

GOLDEN_BYTES = "0037c6fffe783850d9fc97fc0799bb3c5349360cec2e122bac69ca59db31b118d34364c32b509a3c235efd85d58d2e0413"
UNEVEN = FrequencyTable(-1, np.array([1, TOTAL - 1000, 900, 99], np.int64))


def drawn(count: int, seed: int, widest: float = 100.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rounded Gaussian symbols with their true scales and the tables' numbers."""
    generator = np.random.default_rng(seed)
    scales = np.exp(generator.uniform(math.log(0.11), math.log(widest), count))
    symbols = np.rint(generator.normal(0, scales)).astype(np.int32)
    return symbols, scales, scale_index(np.rint(scales * 2**16).astype(np.int64))


def encoded(symbols: np.ndarray, indices: np.ndarray) -> bytes:
    encoder = SymbolEncoder()
    encoder.encode_indexed(symbols, indices, gaussian_tables())
    return encoder.to_bytes()


def decoded(data: bytes, indices: np.ndarray) -> np.ndarray:
    """All symbols of a whole stream."""
    decoder = SymbolDecoder(data)
    symbols = decoder.decode_indexed(indices, gaussian_tables())
    decoder.require_end()
    return symbols


def is_refused(data: bytes, indices: np.ndarray) -> bool:
    try:
        decoded(data, indices)
    except CorruptBitstream:
        return True
    return False


@pytest.mark.parametrize("table", [UNEVEN, *(gaussian_tables()[i] for i in (0, 60, 140, 255))])
def test_bits_mean_the_counts_and_nothing_else(table: FrequencyTable) -> None:
    # The library's state after one symbol shows the interval that it made of the counts.
    below = np.cumsum(table.counts) - table.counts
    unit = (2**64 - 1) >> 24
    for position in {*range(min(5, table.escape)), table.escape // 2, table.escape}:
        coder = stream.queue.RangeEncoder()
        coder.encode(position, _model(table.counts))
        words, (lower, width) = coder.pos()
        assert lower == (unit * int(below[position]) << 32 * words) % 2**64
        assert width == unit * int(table.counts[position]) << 32 * words


@pytest.mark.parametrize(
    "symbols",
    [
        [],
        [0],
        [1],
        [-1, 0, 1, 1, 0],
        [2],  # the first symbol above, an escape without further digits
        [-2, 2, 3, -3, 4],
        [LARGEST_SYMBOL, -LARGEST_SYMBOL],
        [0] * 5000,
        [-777] * 300,
    ],
)
def test_round_trip_of_a_run(symbols: list[int]) -> None:
    encoder = SymbolEncoder()
    encoder.encode(np.array(symbols, np.int32), UNEVEN)
    decoder = SymbolDecoder(encoder.to_bytes())
    found = decoder.decode(len(symbols), UNEVEN)
    decoder.require_end()
    assert found.dtype == np.int32
    assert found.tolist() == symbols


def test_nothing_is_no_bytes() -> None:
    assert SymbolEncoder().to_bytes() == b""
    SymbolDecoder(b"").require_end()


def test_round_trip_of_short_streams() -> None:
    # Short streams end in every state of the coder, carries included.
    generator = np.random.default_rng(0)
    for _ in range(300):
        count = int(generator.integers(0, 9))
        indices = generator.integers(0, 256, count).astype(np.uint8)
        scales = SCALES[indices] / 2**16 * generator.choice([0.3, 1, 3, 3000])
        symbols = np.clip(np.rint(generator.normal(0, 1, count) * scales), -LARGEST_SYMBOL, LARGEST_SYMBOL)
        symbols = symbols.astype(np.int32)
        data = encoded(symbols, indices)
        assert decoded(data, indices).tolist() == symbols.tolist()
        cost = cost_bits(symbols, indices, gaussian_tables()) / 8
        assert cost - 0.01 <= len(data) <= cost + 1.01


def test_groups_are_runs_in_order_of_their_tables() -> None:
    tables = gaussian_tables()
    symbols = np.array([[3, 0, -40], [5, 1, 2]], np.int32)
    indices = np.array([[70, 9, 70], [9, 255, 70]], np.uint8)
    encoder = SymbolEncoder()
    for index, run in [(9, [0, 5]), (70, [3, -40, 2]), (255, [1])]:
        encoder.encode(np.array(run, np.int32), tables[index])
    assert encoded(symbols, indices) == encoder.to_bytes()
    assert decoded(encoder.to_bytes(), indices).tolist() == symbols.tolist()


def test_parts_follow_each_other() -> None:
    encoder = SymbolEncoder()
    symbols, _, indices = drawn(500, seed=1)
    encoder.encode(np.array([1, 0, 7], np.int32), UNEVEN)
    first = encoder.to_bytes()
    encoder.encode_indexed(symbols, indices, gaussian_tables())
    assert len(first) <= 8  # taking the bytes ends nothing
    decoder = SymbolDecoder(encoder.to_bytes())
    assert decoder.decode(3, UNEVEN).tolist() == [1, 0, 7]
    assert decoder.decode_indexed(indices, gaussian_tables()).tolist() == symbols.tolist()
    decoder.require_end()


def test_golden_bytes() -> None:
    words = philox_words(60, (5, 6)).astype(np.int64)
    indices = (words & 255).astype(np.uint8)
    width = (SCALES[indices] >> 16) + 1
    symbols = ((words >> 8) % (2 * width + 1) - width).astype(np.int32)
    symbols[[3, 30]] = [-123_456, 99]
    assert encoded(symbols, indices).hex() == GOLDEN_BYTES


@pytest.mark.parametrize("widest", [1.0, 100.0])
def test_size_is_near_the_ideal(widest: float) -> None:
    symbols, scales, indices = drawn(20_000, 7, widest)
    ideal = 0.0
    for k, scale in zip(np.abs(symbols).tolist(), scales.tolist(), strict=True):
        below, above = (math.erf((k + half) / scale / math.sqrt(2)) for half in (-0.5, 0.5))
        ideal -= math.log2((above - below) / 2) if k < 3 * scale else math.log2(upper(k - 0.5, scale, k + 0.5))
    data = encoded(symbols, indices)
    assert len(data) <= 1.003 * ideal / 8 + 8
    assert decoded(data, indices).tolist() == symbols.tolist()


def upper(low: float, scale: float, high: float) -> float:
    """Mass between two numbers above the mean, by the difference of tails."""
    return (math.erfc(low / scale / math.sqrt(2)) - math.erfc(high / scale / math.sqrt(2))) / 2


def test_cost_is_the_size_with_escapes() -> None:
    symbols, _, indices = drawn(20_000, seed=8)
    symbols[::100] *= 50
    symbols[::1000] = LARGEST_SYMBOL
    size = len(encoded(symbols, indices))
    assert size - 2 <= cost_bits(symbols, indices, gaussian_tables()) / 8 <= size
    grid = symbols.reshape(100, 200), indices.reshape(100, 200)
    assert cost_bits(*grid, gaussian_tables()) == pytest.approx(cost_bits(symbols, indices, gaussian_tables()))
    assert cost_bits(symbols[:0], indices[:0], gaussian_tables()) == 0


def test_what_the_caller_must_not_ask_for() -> None:
    tables = gaussian_tables()
    large, index = np.array([LARGEST_SYMBOL + 1], np.int32), np.array([0], np.uint8)
    encoder = SymbolEncoder()
    with pytest.raises(ValueError, match="magnitude"):
        encoder.encode(large, UNEVEN)
    with pytest.raises(ValueError, match="magnitude"):
        encoder.encode_indexed(np.array([0, -LARGEST_SYMBOL - 1], np.int32), np.array([0, 1]), tables)
    with pytest.raises(ValueError, match="magnitude"):
        cost_bits(large, index, tables)
    with pytest.raises(ValueError, match="indices"):
        encoder.encode_indexed(np.zeros(2, np.int32), index, tables)
    with pytest.raises(ValueError, match="outside"):
        encoder.encode_indexed(np.zeros(1, np.int32), index + 5, tables[:5])
    with pytest.raises(ValueError, match="outside"):
        SymbolDecoder(b"").decode_indexed(np.array([-1]), tables)
    assert encoder.to_bytes() == b""


def test_bytes_in_excess_are_refused() -> None:
    symbols, _, indices = drawn(200, seed=2)
    data = encoded(symbols, indices)
    for excess in (b"\0", b"\1", b"\xff", bytes(8), data):
        assert is_refused(data + excess, indices)


def test_symbols_left_over_are_refused() -> None:
    symbols, _, indices = drawn(200, seed=3)
    assert is_refused(encoded(symbols, indices), indices[:150])


def test_cut_streams_are_refused() -> None:
    symbols, _, indices = drawn(300, seed=4, widest=0.5)
    data = encoded(symbols, indices)
    assert [kept for kept in range(len(data)) if not is_refused(data[:kept], indices)] == []


def test_garbage_ends_in_symbols_or_a_refusal() -> None:
    generator = np.random.default_rng(5)
    for length in [0, 1, 2, 3, 4, 7, 8, 9, 30, 200] * 25:
        indices = generator.choice([0, 30, 140, 255], int(generator.integers(0, 400))).astype(np.uint8)
        decoder = SymbolDecoder(generator.bytes(length))
        try:
            found = decoder.decode_indexed(indices, gaussian_tables())
        except CorruptBitstream:
            continue
        assert found.shape == indices.shape
        assert np.abs(found).max(initial=0) <= LARGEST_SYMBOL


def test_bits_beyond_every_interval_are_refused_in_words_for_users() -> None:
    with pytest.raises(CorruptBitstream, match="damaged: its picture data hold bits that no encoder writes") as refusal:
        SymbolDecoder(b"\xff" * 12).decode(5, UNEVEN)
    assert "entropy" not in str(refusal.value)


def test_escapes_too_large_are_refused() -> None:
    # Only a forger has so many digits follow an escape.
    coder = stream.queue.RangeEncoder()
    coder.encode(UNEVEN.escape, _model(UNEVEN.counts))
    coder.encode(LONGEST_EXTRA, _model(EXTRA_COUNTS))
    coder.encode(0, stream.model.Uniform(1 << LONGEST_EXTRA))
    data = coder.get_compressed().astype(">u4").tobytes()
    with pytest.raises(CorruptBitstream, match="too large"):
        SymbolDecoder(data).decode(1, UNEVEN)


def test_a_short_file_may_claim_many_symbols() -> None:
    decoder = SymbolDecoder(b"\x12\x34")
    assert len(decoder.decode(1_000_000, gaussian_tables()[0])) == 1_000_000
    with pytest.raises(CorruptBitstream, match="do not end where they should"):
        decoder.require_end()
