"""Bits in order of writing, most significant first; a reader that stops where the bits stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# normative: bit order and the signed Golomb code.
LONGEST_PREFIX = 24


class BitWriter:
    """Collects bits; `to_bytes` pads the last byte with zeros."""

    def __init__(self) -> None:
        self._pieces: list[NDArray[np.uint8]] = []
        self.num_bits = 0

    def symbols(self, values: NDArray[np.uint8]) -> None:
        """Append two bits for each value 0..3."""
        self._append(np.stack([values >> 1, values & 1], axis=1).ravel().astype(np.uint8))

    def golomb(self, value: int, order: int) -> None:
        """Append an integer of any sign: exponential Golomb code of `order` on 0, -1, 1, -2, 2 ..."""
        number = (value << 1 if value >= 0 else (-value << 1) - 1) + (1 << order)
        digits = number.bit_length()
        text = "0" * (digits - 1 - order) + format(number, "b")
        self._append(np.frombuffer(text.encode(), np.uint8) - np.uint8(ord("0")))

    def to_bytes(self) -> bytes:
        """All bits so far, in whole bytes."""
        return np.packbits(np.concatenate(self._pieces)).tobytes() if self._pieces else b""

    def _append(self, bits: NDArray[np.uint8]) -> None:
        self._pieces.append(bits)
        self.num_bits += len(bits)


class BitReader:
    """Reads what `BitWriter` wrote."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8))
        self.position = 0

    @property
    def remaining(self) -> int:
        """Bits not read yet."""
        return len(self._bits) - self.position

    def symbols(self, count: int) -> NDArray[np.uint8]:
        """Up to `count` values 0..3, fewer if the bits run out."""
        count = min(count, self.remaining // 2)
        pairs = self._bits[self.position : self.position + 2 * count].reshape(-1, 2)
        self.position += 2 * count
        return (pairs[:, 0] << 1 | pairs[:, 1]).astype(np.uint8)

    def golomb(self, order: int) -> int | None:
        """One integer, or None if the bits run out or no writer wrote them."""
        zeros = 0
        while zeros < self.remaining and not self._bits[self.position + zeros]:
            zeros += 1
            if zeros > LONGEST_PREFIX:
                return None
        digits = zeros + 1 + order
        if zeros + digits > self.remaining:
            return None
        start = self.position + zeros
        number = 0
        for bit in self._bits[start : start + digits].tolist():
            number = number << 1 | bit
        self.position = start + digits
        number -= 1 << order
        return -((number + 1) >> 1) if number & 1 else number >> 1
