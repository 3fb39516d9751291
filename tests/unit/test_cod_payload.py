"""Codes in bytes: the same bytes for ever, never longer than the authors', and nothing accepted that nobody wrote."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from diffdemo.codecs.cod_payload import (
    BLENDS,
    FIXED,
    _encode,
    fixed_bytes,
    max_payload_bytes,
    pack,
    read_payload,
    unpack,
    write_payload,
)
from diffdemo.errors import CorruptBitstream

GOLDEN = {
    (4, 1): (29, 3429305512),
    (4, 2): (28, 2151286775),
    (4, 3): (27, 2853478882),
    (4, 4): (27, 4024439876),
    (4, 5): (26, 2818743519),
    (4, 6): (29, 3884108286),
    (8, 1): (57, 371021195),
    (8, 2): (56, 1209735682),
    (8, 3): (53, 2296425609),
    (8, 4): (50, 3148180032),
    (8, 5): (56, 1781203024),
    (8, 6): (47, 2753230572),
}
"""Length and CRC-32 of 7 x 9 codes, by their bits and the number of the model."""


def seeded(height: int, width: int, bits: int, seed: int = 0) -> np.ndarray:
    """Codes in patches, made by integers alone: neighbours are often the same."""
    state, codes = seed * 2654435761 + 1, np.zeros((height, width), np.int32)
    for y in range(height):
        for x in range(width):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            fresh, chance = state >> 40 & (1 << bits) - 1, state >> 33 & 3
            near = codes[y, x - 1] if chance == 1 and x else codes[y - 1, x] if chance > 1 and y else fresh
            codes[y, x] = near
    return codes


def uniform(height: int, width: int, bits: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << bits, (height, width)).astype(np.int32)


def test_fixed_codes_are_most_significant_bit_first_with_zeros_at_the_end():
    assert pack(np.array([[1, 2, 15]], np.int32), 4) == b"\x12\xf0"
    assert pack(np.array([[1], [255]], np.int32), 8) == b"\x01\xff"
    assert pack(np.array([[1, 2, 7]], np.int32), 3) == bytes([0b00101011, 0b10000000])


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 16)])
def test_fixed_codes_come_back(size, bits):
    codes = uniform(*size, bits)
    assert len(pack(codes, bits)) == fixed_bytes(codes.size, bits)
    assert np.array_equal(unpack(pack(codes, bits), *size, bits), codes)


@pytest.mark.parametrize("number", range(1, len(BLENDS) + 1))
@pytest.mark.parametrize("bits", [4, 8])
def test_golden_bytes_of_every_model(number, bits):
    body = _encode(seeded(7, 9, bits), bits, BLENDS[number - 1])
    assert (len(body), zlib.crc32(body)) == GOLDEN[bits, number]


@pytest.mark.parametrize("number", range(1, len(BLENDS) + 1))
@pytest.mark.parametrize("make", [seeded, uniform])
@pytest.mark.parametrize(
    ("height", "width", "bits"), [(1, 1, 8), (1, 40, 4), (40, 1, 8), (12, 13, 4), (9, 8, 8), (5, 5, 1)]
)
def test_every_model_reads_what_it_wrote(number, make, height, width, bits):
    codes = make(height, width, bits)
    payload = bytes([number]) + _encode(codes, bits, BLENDS[number - 1])
    assert np.array_equal(read_payload(payload, height, width, bits), codes)


@pytest.mark.parametrize("bits", [1, 4, 8])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (4, 4), (16, 16)])
def test_never_longer_than_the_authors_and_a_byte(size, bits):
    for seed in range(8):
        codes = uniform(*size, bits, seed)
        payload = write_payload(codes, bits)
        assert len(payload) <= 1 + len(pack(codes, bits)) == max_payload_bytes(codes.size, bits)
        assert np.array_equal(read_payload(payload, *size, bits), codes)


@pytest.mark.parametrize(("bits", "share"), [(4, 0.75), (8, 0.7)])
def test_codes_that_resemble_their_neighbours_take_less(bits, share):
    codes = seeded(32, 32, bits)
    payload = write_payload(codes, bits)
    assert payload[0] != FIXED
    assert len(payload) < share * fixed_bytes(codes.size, bits)
    assert np.array_equal(read_payload(payload, 32, 32, bits), codes)


def test_a_single_code_everywhere_takes_next_to_nothing():
    assert len(write_payload(np.full((64, 64), 200, np.int32), 8)) < 40


@pytest.mark.parametrize("make", [seeded, uniform])
@pytest.mark.parametrize("bits", [4, 8])
def test_the_shortest_model_is_taken(make, bits):
    codes = make(20, 20, bits, seed=3)
    lengths = [len(pack(codes, bits)), *(len(_encode(codes, bits, blend)) for blend in BLENDS)]
    assert len(write_payload(codes, bits)) <= min(lengths) + 2


@pytest.mark.parametrize("payload", [b"", bytes([len(BLENDS) + 1]), b"\xff" * 9, b"\x00", b"\x00" * 8, b"\x00" * 10])
def test_payloads_of_another_length_or_model_are_refused(payload):
    with pytest.raises(CorruptBitstream):
        read_payload(payload, 2, 4, 8)


def test_bits_behind_the_last_code_are_refused():
    assert read_payload(b"\x00\x12\x30", 1, 3, 4).tolist() == [[1, 2, 3]]
    with pytest.raises(CorruptBitstream, match="no encoder writes"):
        read_payload(b"\x00\x12\x31", 1, 3, 4)


@pytest.mark.parametrize("number", range(1, len(BLENDS) + 1))
def test_bytes_that_nobody_wrote_are_refused(number):
    body = _encode(seeded(8, 8, 8), 8, BLENDS[number - 1])
    for changed in (body + b"\x00", body + b"\x01", body[:-3], b"\xff" * len(body), b""):
        with pytest.raises(CorruptBitstream):
            read_payload(bytes([number]) + changed, 8, 8, 8)


def test_noise_is_refused_or_is_codes_and_never_something_else():
    random = np.random.default_rng(11)
    for _ in range(200):
        payload = bytes([int(random.integers(0, 8))]) + random.bytes(int(random.integers(0, 30)))
        try:
            codes = read_payload(payload, 4, 5, 8)
        except CorruptBitstream:
            continue
        assert codes.shape == (4, 5)
        assert 0 <= codes.min() <= codes.max() < 256


def test_the_rarest_of_codes_still_has_its_place():
    """After very many of the same, another one costs many bits but comes through."""
    codes = np.zeros((60, 60), np.int32)
    codes[-1, -1] = 255
    for number, blend in enumerate(BLENDS, 1):
        assert np.array_equal(read_payload(bytes([number]) + _encode(codes, 8, blend), 60, 60, 8), codes)
