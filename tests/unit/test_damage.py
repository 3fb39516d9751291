"""Where a damaged payload may be wrong."""

from __future__ import annotations

import binascii

import numpy as np
import pytest

from diffdemo.coding.damage import PERIOD, wrong_bits
from diffdemo.engine.describe import describe_file
from tests.golden import shipped
from tests.golden.cases import FOLDER


def damaged(length: int, *bits: int) -> tuple[bytes, int]:
    """A payload of which some bits are wrong, and the check value that it had."""
    payload = bytearray(np.random.default_rng(length).bytes(length))
    check = binascii.crc_hqx(bytes(payload), 0xFFFF)
    for bit in bits:
        payload[bit // 8] ^= 0x80 >> bit % 8
    return bytes(payload), check


@pytest.mark.parametrize("length", [1, 2, 100, 4095])
def test_every_single_wrong_bit_is_found(length):
    for bit in {0, 1, 7, 4 * length, 8 * length - 9, 8 * length - 1} & set(range(8 * length)):
        assert wrong_bits(*damaged(length, bit)) == (bit,)


def test_in_a_long_payload_it_is_one_of_several_places_a_period_apart():
    bit = 50_000
    found = wrong_bits(*damaged(12_000, bit))
    assert bit in found
    assert set(np.diff(found)) == {PERIOD}
    assert len(found) == 3


@pytest.mark.parametrize("bits", [(3, 4), (0, 799), (10, 20, 30, 40)])
def test_an_even_number_of_wrong_bits_is_never_taken_for_one(bits):
    assert wrong_bits(*damaged(100, *bits)) == ()


def test_a_payload_that_is_right_has_none():
    assert wrong_bits(*damaged(100)) == ()
    assert wrong_bits(b"", 0xFFFF) == ()


def test_a_file_says_in_which_of_its_bytes():
    case = next(case for case in shipped.CASES if case.codec_name == "diffc")
    data = bytearray((FOLDER / f"{case.name}.difd").read_bytes())
    assert describe_file(bytes(data), {}).suspects == ()
    data[200] ^= 16
    info = describe_file(bytes(data), {})
    assert info.is_damaged
    assert 200 in info.suspects
