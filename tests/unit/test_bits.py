"""Bit packing and the signed Golomb code."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.coding.bits import BitReader, BitWriter


@pytest.mark.parametrize("order", [0, 1, 3])
def test_golomb_round_trip(order):
    values = [0, 1, -1, 2, -2, 17, -100, 5000, -70000]
    writer = BitWriter()
    for value in values:
        writer.golomb(value, order)
    reader = BitReader(writer.to_bytes())
    assert [reader.golomb(order) for _ in values] == values


def test_golden_bits():
    writer = BitWriter()
    writer.golomb(0, 0)
    writer.golomb(-1, 0)
    writer.golomb(1, 0)
    writer.golomb(384, 0)
    writer.symbols(np.array([3, 0, 2, 1], np.uint8))
    assert writer.num_bits == 1 + 3 + 3 + 19 + 8
    assert writer.to_bytes().hex() == "a600c07240"


def test_symbols_end_where_the_bits_end():
    writer = BitWriter()
    writer.symbols(np.array([1, 2, 3, 0, 1], np.uint8))
    reader = BitReader(writer.to_bytes()[:1])
    assert reader.symbols(5).tolist() == [1, 2, 3, 0]
    assert reader.symbols(5).tolist() == []


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00" * 100, b"\x00\x00\x00\x01"])
def test_nonsense_is_none_and_quick(data):
    assert BitReader(data).golomb(0) is None


def test_number_cut_in_the_middle_is_none():
    writer = BitWriter()
    writer.golomb(5000, 0)
    assert BitReader(writer.to_bytes()[:2]).golomb(0) is None
