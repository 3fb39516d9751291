"""The file: a small checked header, then one embedded payload. See FORMAT.md for every byte.

    DIFD | version | parameters, codec | model | width | height | parameters ... | length, check of payload | check

Any prefix that holds the whole header is a valid file. The header knows how long the payload was when it was written,
so that a cut file is known as cut, and its check value, so that a whole file is known to be undamaged.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from diffdemo.errors import (
    CorruptBitstream,
    ImageError,
    ModelMismatch,
    RateError,
    TruncatedBitstream,
    UnsupportedBitstream,
)

# normative: all of this file.
MAGIC = b"DIFD"
VERSIONS = (1, 2)
FINGERPRINT_BYTES = 4
MAX_CODEC_ID = 15
MAX_PARAMETERS = 15
LARGEST_SIDE = 65535
LARGEST_PAYLOAD = 1 << 23
LARGEST_NUMBER = (1 << 35) - 1


@dataclass(frozen=True, slots=True)
class Header:
    """What a decoder must know before the first payload byte.

    Attributes:
        codec_id: 1..15, see `codecs.registry`.
        fingerprint: first four bytes of the SHA-256 of the weight file.
        width, height: of the picture, 1..65535.
        parameters: numbers whose meaning the codec defines, each below 2^35, at most 15.
        payload_bytes: length of the payload as it was written.
        payload_check: CRC-16 of that payload.
        version: of the codec's payload. A file has the earliest that says what it says, so that earlier installations
            read what they can.
    """

    codec_id: int
    fingerprint: bytes
    width: int
    height: int
    parameters: tuple[int, ...]
    payload_bytes: int
    payload_check: int
    version: int = VERSIONS[0]

    def to_bytes(self) -> bytes:
        """Serialise, with its own check value at the end."""
        out = bytearray(MAGIC)
        out.append(self.version)
        out.append(len(self.parameters) << 4 | self.codec_id)
        out += self.fingerprint
        for number in (self.width, self.height, *self.parameters, self.payload_bytes):
            out += _number_to_bytes(number)
        out += self.payload_check.to_bytes(2, "big")
        out += _check(bytes(out)).to_bytes(2, "big")
        return bytes(out)


@dataclass(frozen=True, slots=True)
class Bitstream:
    """A parsed file: header and whatever part of the payload is there."""

    header: Header
    payload: bytes
    header_bytes: int

    @property
    def num_bytes(self) -> int:
        """Length of the file, header included."""
        return self.header_bytes + len(self.payload)

    @property
    def is_cut(self) -> bool:
        """Whether payload is missing at the end."""
        return len(self.payload) < self.header.payload_bytes

    @property
    def is_damaged(self) -> bool:
        """Whether a complete payload fails its check; a cut one cannot be checked."""
        return not self.is_cut and _check(self.payload) != self.header.payload_check


def write_bitstream(
    *,
    codec_id: int,
    fingerprint: bytes,
    width: int,
    height: int,
    parameters: tuple[int, ...],
    payload: bytes,
    version: int = VERSIONS[0],
) -> bytes:
    """Header and payload as one file, of which `read_bitstream` reads every field back.

    Raises:
        ImageError: the picture is too wide or too high for a header.
        RateError: the payload is longer than a reader accepts.
        ValueError: a codec, fingerprint or parameter that no header can hold.
    """
    require_sides(width, height)
    if len(payload) > LARGEST_PAYLOAD:
        raise RateError(
            f"The picture would take {len(payload):,} bytes; a file holds at most {LARGEST_PAYLOAD:,}. "
            "Please ask for fewer bytes or a lower quality."
        )
    if not 1 <= codec_id <= MAX_CODEC_ID or len(fingerprint) != FINGERPRINT_BYTES:
        raise ValueError(f"codec {codec_id} with a fingerprint of {len(fingerprint)} bytes does not fit into a header")
    if len(parameters) > MAX_PARAMETERS:
        raise ValueError(f"{len(parameters)} parameters do not fit into a header")
    header = Header(codec_id, fingerprint, width, height, parameters, len(payload), _check(payload), version)
    return header.to_bytes() + payload


def require_sides(width: int, height: int) -> None:
    """Check that a header can name the size of a picture.

    Raises:
        ImageError: if not.
    """
    if not (_is_side(width) and _is_side(height)):
        raise ImageError(
            f"The picture is {width} x {height} pixels; a file holds sides of 1 to {LARGEST_SIDE:,}. "
            "Please cut it into pieces or make it smaller."
        )


def read_bitstream(data: bytes, versions: tuple[int, ...] = VERSIONS) -> Bitstream:
    """Parse a file, whole or cut. Never reads outside `data`, never allocates more than it holds.

    Args:
        data: the file.
        versions: that the codec of the file knows; all that any does where the codec is not known yet.

    Raises:
        UnsupportedBitstream: other magic or version.
        TruncatedBitstream: the header is incomplete.
        CorruptBitstream: the header's check value or one of its fields is wrong.
    """
    if not data:
        raise TruncatedBitstream("The file is empty (0 bytes).")
    if not data.startswith(MAGIC[: len(data)]):
        raise UnsupportedBitstream(f"Not a diffdemo file: it starts with {data[:4]!r}, expected {MAGIC!r}.")
    reader = _Reader(data, len(MAGIC))
    version = reader.take(1)[0]
    if version not in versions:
        raise UnsupportedBitstream(
            f"The file has format version {version}; this installation reads version {' and '.join(map(str, versions))}"
            ". Please decode it with the diffdemo that wrote it."
        )
    kind = reader.take(1)[0]
    fingerprint = reader.take(FINGERPRINT_BYTES)
    width, height = reader.number(), reader.number()
    parameters = tuple(reader.number() for _ in range(kind >> 4))
    payload_bytes = reader.number()
    payload_check = int.from_bytes(reader.take(2), "big")
    expected = _check(data[: reader.position])
    if int.from_bytes(reader.take(2), "big") != expected:
        raise CorruptBitstream("The file's header is damaged: its check value does not match.")
    if not (_is_side(width) and _is_side(height)):
        raise CorruptBitstream(f"The file claims a picture of {width} x {height} pixels, which cannot be.")
    if payload_bytes > LARGEST_PAYLOAD:
        raise CorruptBitstream(f"The file claims {payload_bytes:,} bytes of picture; no encoder writes so many.")
    header = Header(kind & 15, fingerprint, width, height, parameters, payload_bytes, payload_check, version)
    payload = data[reader.position : reader.position + payload_bytes]
    return Bitstream(header, payload, reader.position)


def require_model(written_with: bytes, ours: bytes) -> None:
    """Check that a file was written with the weights that are here, both named by four bytes.

    Raises:
        ModelMismatch: if not.
    """
    if written_with != ours:
        raise ModelMismatch(
            f"The file was written with model {written_with.hex()}; this one is {ours.hex()}. "
            "Only the same weights can decode it."
        )


def require_payload_within(bitstream: Bitstream, most: int) -> None:
    """Check that a header does not claim more bytes than any picture of its size takes.

    Args:
        bitstream: the file.
        most: bytes of a payload whose every symbol is as dear as a symbol can be.

    Raises:
        CorruptBitstream: if it does.
    """
    header = bitstream.header
    if header.payload_bytes > most:
        raise CorruptBitstream(
            f"The file claims {header.payload_bytes:,} bytes for {header.width} x {header.height} pixels; "
            "no picture of this size takes so many."
        )


def require_whole(bitstream: Bitstream, codec: str) -> None:
    """Check that a file of a codec that is not embedded is complete and intact.

    Args:
        bitstream: the file.
        codec: its label, for the message.

    Raises:
        TruncatedBitstream, CorruptBitstream: if not.
    """
    if bitstream.is_cut:
        raise TruncatedBitstream(
            f"The file ends after {bitstream.num_bytes:,} of "
            f"{bitstream.header_bytes + bitstream.header.payload_bytes:,} bytes. A {codec} file cannot be decoded in "
            "part; please fetch it again, whole."
        )
    if bitstream.is_damaged:
        raise CorruptBitstream("The file is damaged: its check value does not match. Please fetch it again.")


def _is_side(length: int) -> bool:
    return 1 <= length <= LARGEST_SIDE


class _Reader:
    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = data, position

    def take(self, count: int) -> bytes:
        piece = self.data[self.position : self.position + count]
        if len(piece) < count:
            raise TruncatedBitstream(
                f"The file ends inside its header, after {len(self.data)} bytes; nothing can be decoded from it."
            )
        self.position += count
        return piece

    def number(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise CorruptBitstream("The file's header holds a number that is too large.")


def _number_to_bytes(number: int) -> bytes:
    """Little-endian base 128, as in protocol buffers."""
    if not 0 <= number <= LARGEST_NUMBER:
        raise ValueError(f"{number} does not fit into a header")
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _check(data: bytes) -> int:
    """CRC-16 with polynomial x^16 + x^12 + x^5 + 1, initial value 0xFFFF."""
    return binascii.crc_hqx(data, 0xFFFF)
