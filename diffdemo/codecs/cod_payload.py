"""Codes to bytes and back: what lies behind the header of a CoD-Lite file.

    one byte: which model of the codes | the codes

Model 0 is none: each code in as many bits as it has, most significant first, rows from the top, zeros in the last
byte. It is what the authors write. The others learn while they go which codes a picture has and which stand to the
right of which and below which. A code s whose left neighbour is l and whose upper neighbour is u has the weight

    1 + own * (how often s came before) + near * (how often it came to the right of l, and below u)

and `own` and `near` are what the models differ in. A neighbour outside the picture counts as one more code. The encoder
takes whatever is shortest: never longer than model 0, that is, than the authors' file and one byte.

Weights, sums and the counts made of them are integers, so that bits mean the same everywhere.

Source: Krichevsky, Trofimov 1981, "The performance of universal encoding"; contexts are blended by adding their counts,
as in Bell, Cleary, Witten 1990, "Text compression".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffdemo.coding.frequency import TOTAL, FrequencyTable
from diffdemo.coding.range_coder import DAMAGED, SymbolDecoder, SymbolEncoder
from diffdemo.errors import CorruptBitstream

# normative: all of this file but `_shortest` and `_ideal_bits`.
Codes = NDArray[np.int32]
"""[h,w], each below 2^bits."""

FIXED = 0


@dataclass(frozen=True, slots=True)
class Blend:
    """How an adaptive model weighs what it has seen.

    Attributes:
        own: of each time that the code came before, anywhere.
        near: of each time that it came beside the same left neighbour, and below the same upper one.
    """

    own: int
    near: int


BLENDS = (Blend(1, 0), Blend(1, 1), Blend(1, 4), Blend(1, 16), Blend(0, 4), Blend(4, 32))
"""Models 1, 2, 3 ... of a payload."""


def fixed_bytes(count: int, bits: int) -> int:
    """Length of so many codes of fixed length."""
    return -(-count * bits // 8)


def max_payload_bytes(count: int, bits: int) -> int:
    """Length that no payload of so many codes exceeds."""
    return 1 + fixed_bytes(count, bits)


def pack(codes: Codes, bits: int) -> bytes:
    """Codes of fixed length."""
    digits = codes.reshape(-1, 1) >> np.arange(bits - 1, -1, -1)
    return np.packbits((digits & 1).astype(np.uint8)).tobytes()


def unpack(data: bytes, height: int, width: int, bits: int) -> Codes:
    """Inverse of `pack`.

    Raises:
        CorruptBitstream: another length, or bits behind the last code.
    """
    count = height * width
    if len(data) != fixed_bytes(count, bits):
        raise CorruptBitstream(
            f"The file holds {len(data):,} bytes of codes; its {width} x {height} codes take "
            f"{fixed_bytes(count, bits):,}. Please fetch it again."
        )
    digits = np.unpackbits(np.frombuffer(data, np.uint8))
    if digits[count * bits :].any():
        raise CorruptBitstream(DAMAGED.format("its last byte holds bits that no encoder writes"))
    places = 1 << np.arange(bits - 1, -1, -1)
    codes: Codes = (digits[: count * bits].reshape(height, width, bits) @ places).astype(np.int32)
    return codes


def write_payload(codes: Codes, bits: int) -> bytes:
    """The shortest payload of the codes."""
    packed = pack(codes, bits)
    number = _shortest(codes, bits)
    if number != FIXED:
        adapted = _encode(codes, bits, BLENDS[number - 1])
        if len(adapted) < len(packed):
            return bytes([number]) + adapted
    return bytes([FIXED]) + packed


def read_payload(payload: bytes, height: int, width: int, bits: int) -> Codes:
    """Inverse of `write_payload`.

    Raises:
        CorruptBitstream: no encoder writes such a payload.
    """
    if not payload or payload[0] > len(BLENDS):
        raise CorruptBitstream(DAMAGED.format("it names no model of the codes that exists"))
    number, body = payload[0], payload[1:]
    if number == FIXED:
        return unpack(body, height, width, bits)
    return _decode(body, height, width, bits, BLENDS[number - 1])


class _Counts:
    """What an adaptive model has seen so far."""

    def __init__(self, bits: int, blend: Blend) -> None:
        self._size = size = 1 << bits
        self._own, self._near = blend.own, blend.near
        self._seen = np.zeros(size, np.int64)
        # By neighbour; the last row is for the picture's edges.
        self._right_of, self._below = np.zeros((size + 1, size), np.int64), np.zeros((size + 1, size), np.int64)
        self._ordinals = np.arange(size + 1)

    def table(self, left: int, above: int) -> FrequencyTable:
        """What is expected between these neighbours.

        Entry i begins at floor(c_i (2^24 - 1 - n) / c_n) + i, c_i being the sum of the weights before it and n their
        number; the escape, which never occurs, has what is left.
        """
        weights = 1 + self._own * self._seen + self._near * (self._right_of[left] + self._below[above])
        sums = np.zeros(self._size + 1, np.int64)
        np.cumsum(weights, out=sums[1:])
        edges = np.empty(self._size + 2, np.int64)
        edges[:-1] = sums * (TOTAL - 1 - self._size) // sums[-1] + self._ordinals
        edges[-1] = TOTAL
        return FrequencyTable(0, np.diff(edges))

    def add(self, code: int, left: int, above: int) -> None:
        """Count a code between its neighbours."""
        self._seen[code] += 1
        self._right_of[left, code] += 1
        self._below[above, code] += 1


def _encode(codes: Codes, bits: int, blend: Blend) -> bytes:
    encoder, counts = SymbolEncoder(), _Counts(bits, blend)
    for y, x in np.ndindex(codes.shape):
        left, above = _neighbours(codes, y, x, bits)
        encoder.encode(codes[y, x : x + 1], counts.table(left, above))
        counts.add(int(codes[y, x]), left, above)
    return encoder.to_bytes()


def _decode(data: bytes, height: int, width: int, bits: int, blend: Blend) -> Codes:
    decoder, counts = SymbolDecoder(data), _Counts(bits, blend)
    codes = np.zeros((height, width), np.int32)
    for y, x in np.ndindex(codes.shape):
        left, above = _neighbours(codes, y, x, bits)
        code = int(decoder.decode(1, counts.table(left, above))[0])
        if not 0 <= code < 1 << bits:
            raise CorruptBitstream(DAMAGED.format("it holds a code that no codebook has"))
        codes[y, x] = code
        counts.add(code, left, above)
    decoder.require_end()
    return codes


def _neighbours(codes: Codes, y: int, x: int, bits: int) -> tuple[int, int]:
    """The codes to the left and above; 2^bits outside the picture."""
    outside = 1 << bits
    return int(codes[y, x - 1]) if x else outside, int(codes[y - 1, x]) if y else outside


def _shortest(codes: Codes, bits: int) -> int:
    """Number of the model with the fewest bits."""
    ideal = [float(codes.size * bits), *_ideal_bits(codes, bits)]
    return int(np.argmin(ideal))


def _ideal_bits(codes: Codes, bits: int) -> Iterator[float]:
    """Bits that each adaptive model would take, without running it."""
    outside = 1 << bits
    edged = np.pad(codes.astype(np.int64), ((1, 0), (1, 0)), constant_values=outside)
    own, left, above = edged[1:, 1:].ravel(), edged[1:, :-1].ravel(), edged[:-1, 1:].ravel()
    seen = _earlier(own)
    near = _earlier(left * outside + own) + _earlier(above * outside + own)
    beside = _earlier(left) + _earlier(above)
    for blend in BLENDS:
        weights = 1 + blend.own * seen + blend.near * near
        sums = outside + blend.own * np.arange(own.size) + blend.near * beside
        yield float((np.log2(sums) - np.log2(weights)).sum())


def _earlier(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """How often each key occurs before its own place."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    lengths = np.diff(np.append(starts, keys.size))
    ranks = np.empty(keys.size, np.int64)
    ranks[order] = np.arange(keys.size) - np.repeat(starts, lengths)
    return ranks
