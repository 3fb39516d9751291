"""The file's header: exact bytes, and nothing but `BitstreamError` whatever comes in."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.coding.container import LARGEST_NUMBER, LARGEST_PAYLOAD, MAGIC, Header, read_bitstream, write_bitstream
from diffdemo.errors import (
    BitstreamError,
    CorruptBitstream,
    ImageError,
    RateError,
    TruncatedBitstream,
    UnsupportedBitstream,
)

PAYLOAD = b"123456789"
GOLDEN_HEADER = bytes.fromhex(
    "44494644"  # DIFD
    "01"  # version
    "31"  # three parameters, codec 1
    "deadbeef"  # fingerprint
    "8005"  # width 640 = 0 + 5 * 128
    "e003"  # height 480 = 96 + 3 * 128
    "00"  # parameters: 0,
    "7f"  # 127,
    "ffffffff7f"  # 2^35 - 1
    "09"  # nine payload bytes
    "29b1"  # their check: the published value of this CRC for "123456789"
    "8e02"  # check of all of the above
)


def example(payload: bytes = PAYLOAD, version: int = 1) -> bytes:
    return write_bitstream(
        codec_id=1,
        fingerprint=bytes.fromhex("deadbeef"),
        width=640,
        height=480,
        parameters=(0, 127, LARGEST_NUMBER),
        payload=payload,
        version=version,
    )


def crc(data: bytes) -> int:
    """CRC-16 bit by bit, as its definition says."""
    register = 0xFFFF
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ (0x1021 if register & 0x8000 else 0)) & 0xFFFF
    return register


def sealed(header: bytes) -> bytes:
    """Bytes with a right check value behind them, whatever they say."""
    return header + crc(header).to_bytes(2, "big")


def test_golden_header() -> None:
    assert example().hex() == (GOLDEN_HEADER + PAYLOAD).hex()
    assert sealed(GOLDEN_HEADER[:-2]) == GOLDEN_HEADER
    assert crc(PAYLOAD) == 0x29B1


@pytest.mark.parametrize("payload", [b"", b"\0", PAYLOAD, bytes(70_000)])
@pytest.mark.parametrize("parameters", [(), (1,), (0, 128, 16384), tuple(range(15))])
def test_round_trip(payload: bytes, parameters: tuple[int, ...]) -> None:
    data = write_bitstream(
        codec_id=15, fingerprint=b"abcd", width=65535, height=1, parameters=parameters, payload=payload
    )
    read = read_bitstream(data)
    assert (read.header.codec_id, read.header.fingerprint) == (15, b"abcd")
    assert (read.header.width, read.header.height, read.header.parameters) == (65535, 1, parameters)
    assert read.payload == payload
    assert read.num_bytes == len(data)
    assert read.header.to_bytes() == data[: read.header_bytes]
    assert not read.is_cut
    assert not read.is_damaged


def test_every_truncation_of_the_header() -> None:
    for length in range(len(GOLDEN_HEADER)):
        with pytest.raises(TruncatedBitstream):
            read_bitstream(GOLDEN_HEADER[:length])


def test_every_truncation_of_the_payload_is_known_as_such() -> None:
    for length in range(len(PAYLOAD)):
        read = read_bitstream(example()[: len(GOLDEN_HEADER) + length])
        assert read.payload == PAYLOAD[:length]
        assert read.is_cut
        assert not read.is_damaged


def test_every_flipped_bit_in_the_header() -> None:
    for place in range(8 * len(GOLDEN_HEADER)):
        data = bytearray(example())
        data[place // 8] ^= 1 << place % 8
        with pytest.raises(BitstreamError):
            read_bitstream(bytes(data))


def test_every_flipped_bit_in_the_payload() -> None:
    for place in range(8 * len(PAYLOAD)):
        data = bytearray(example())
        data[len(GOLDEN_HEADER) + place // 8] ^= 1 << place % 8
        assert read_bitstream(bytes(data)).is_damaged


def test_what_follows_the_payload_is_not_part_of_it() -> None:
    read = read_bitstream(example() + b"a mailer's signature")
    assert read.payload == PAYLOAD
    assert not read.is_damaged


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"difd", b"DIFE" + bytes(40), b"X"])
def test_other_files(data: bytes) -> None:
    with pytest.raises(UnsupportedBitstream, match="Not a diffdemo file"):
        read_bitstream(data)


@pytest.mark.parametrize("version", [0, 3, 255])
def test_other_versions(version: int) -> None:
    with pytest.raises(UnsupportedBitstream, match=f"version {version};"):
        read_bitstream(MAGIC + bytes([version]) + example()[5:])


@pytest.mark.parametrize("version", [1, 2])
def test_versions_that_are_read(version: int) -> None:
    data = example(version=version)
    read = read_bitstream(data)
    assert (data[4], read.header.version, read.payload) == (version, version, PAYLOAD)
    assert read.header.to_bytes() == data[: read.header_bytes]
    other = bytes([*data[:4], 3 - version, *data[5:]])
    with pytest.raises(CorruptBitstream, match="check value"):
        read_bitstream(other)


def test_a_codec_reads_the_versions_that_it_knows() -> None:
    assert read_bitstream(example(version=2), (2,)).header.version == 2
    for version, known, words in ((1, (2,), "version 2"), (2, (1,), "version 1"), (3, (1, 2), "version 1 and 2")):
        with pytest.raises(UnsupportedBitstream, match=f"version {version}; this installation reads {words}\\."):
            read_bitstream(MAGIC + bytes([version]) + example()[5:], known)


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (65536, 1), (1, LARGEST_NUMBER)])
def test_sizes_that_cannot_be(width: int, height: int) -> None:
    header = Header(1, b"abcd", width, height, (), 0, 0xFFFF)
    with pytest.raises(CorruptBitstream, match="cannot be"):
        read_bitstream(header.to_bytes())


def test_numbers_without_an_end() -> None:
    with pytest.raises(CorruptBitstream, match="too large"):
        read_bitstream(GOLDEN_HEADER[:10] + b"\xff" * 40)


def test_a_claimed_length_costs_no_memory() -> None:
    header = Header(1, b"abcd", 8, 8, (), LARGEST_PAYLOAD, 0)
    read = read_bitstream(header.to_bytes() + b"x")
    assert read.payload == b"x"
    assert read.is_cut


@pytest.mark.parametrize("number", [-1, LARGEST_NUMBER + 1])
def test_numbers_that_do_not_fit_are_not_written(number: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        write_bitstream(codec_id=1, fingerprint=b"abcd", width=8, height=8, parameters=(number,), payload=b"")


@pytest.mark.parametrize(("width", "height"), [(0, 1), (1, 0), (-3, 5), (65536, 1), (1, 70_000)])
def test_sizes_that_nobody_could_read_are_not_written(width: int, height: int) -> None:
    with pytest.raises(ImageError, match=f"{width} x {height} pixels; a file holds sides of 1 to 65,535"):
        write_bitstream(codec_id=1, fingerprint=b"abcd", width=width, height=height, parameters=(), payload=b"")


def test_a_payload_that_nobody_could_read_is_not_written() -> None:
    fields = {"codec_id": 1, "fingerprint": b"abcd", "width": 8, "height": 8, "parameters": ()}
    longest = write_bitstream(**fields, payload=bytes(LARGEST_PAYLOAD))
    assert not read_bitstream(longest).is_damaged
    with pytest.raises(RateError, match="8,388,609 bytes; a file holds at most 8,388,608"):
        write_bitstream(**fields, payload=bytes(LARGEST_PAYLOAD + 1))


@pytest.mark.parametrize(
    "fields", [{"codec_id": 0}, {"codec_id": 16}, {"fingerprint": b"abc"}, {"fingerprint": b"abcde"}]
)
def test_codecs_and_fingerprints_that_do_not_fit_are_not_written(fields: dict[str, object]) -> None:
    good = {"codec_id": 1, "fingerprint": b"abcd", "width": 8, "height": 8, "parameters": (0,) * 15, "payload": b""}
    assert read_bitstream(write_bitstream(**good)).header.parameters == (0,) * 15
    with pytest.raises(ValueError, match="does not fit"):
        write_bitstream(**{**good, **fields})
    with pytest.raises(ValueError, match="16 parameters"):
        write_bitstream(**{**good, "parameters": (0,) * 16})


def test_random_bytes_raise_nothing_else() -> None:
    generator = np.random.default_rng(0)
    kinds = set()
    for number in range(4000):
        noise = generator.bytes(int(generator.integers(0, 60)))
        data = (noise, MAGIC + noise, GOLDEN_HEADER[:6] + noise, sealed(GOLDEN_HEADER[:6] + noise))[number % 4]
        try:
            read_bitstream(data)
        except BitstreamError as error:
            kinds.add(type(error))
    assert kinds == {TruncatedBitstream, UnsupportedBitstream, CorruptBitstream}


def test_a_payload_that_no_encoder_writes_is_refused():
    header = Header(1, b"abcd", 10, 10, (0, 1, 50), LARGEST_PAYLOAD + 1, 0)
    with pytest.raises(CorruptBitstream, match="no encoder"):
        read_bitstream(header.to_bytes())
