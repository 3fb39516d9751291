"""Bytes that nobody wrote: seeded, so that a number names each of them for good."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Random = np.random.Generator

EDGES = (0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 1024, 16_383, 16_384, 16_385, 65_535, 65_536, 1 << 23, (1 << 23) + 1)
HUGE = ((1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 35) - 1)


def random_for(kind: int, number: int) -> Random:
    """The generator of one attempt of one kind."""
    return np.random.default_rng((kind, number))


def a_number(random: Random) -> int:
    """Any number below 2^35, mostly one near which programs go wrong."""
    if random.random() < 0.5:
        return int(random.choice(EDGES))
    if random.random() < 0.3:
        return int(random.choice(HUGE))
    return int(random.integers(0, 1 << int(random.integers(1, 36))))


def mutated(data: bytes, random: Random, *, others: tuple[bytes, ...] = ()) -> bytes:
    """A few changes, as a bad disk, a bad network or a bad person makes them."""
    changes: tuple[Callable[[bytes, Random], bytes], ...] = (_flip, _set, _overwrite, _cut, _drop, _repeat, _insert)
    for _ in range(int(random.integers(1, 5))):
        if others and random.random() < 0.1:
            data = _splice(data, others[int(random.integers(len(others)))], random)
        elif data:
            data = changes[int(random.integers(len(changes)))](data, random)
    return data


def _place(data: bytes, random: Random) -> int:
    """Somewhere in the data, more often near the beginning, where lengths and sizes stand."""
    return int(len(data) * random.random() ** (1 + 2 * int(random.integers(2))))


def _flip(data: bytes, random: Random) -> bytes:
    out = bytearray(data)
    out[_place(data, random)] ^= 1 << int(random.integers(8))
    return bytes(out)


def _set(data: bytes, random: Random) -> bytes:
    out = bytearray(data)
    out[_place(data, random)] = int(random.choice((0, 1, 127, 128, 254, 255)))
    return bytes(out)


def _overwrite(data: bytes, random: Random) -> bytes:
    """Two, four or eight bytes as an integer of either order would stand there."""
    size = int(random.choice((2, 4, 8)))
    values = (0, 1, (1 << 8 * size) - 1, (1 << 8 * size - 1) - 1, 1 << 8 * size - 4)
    value = values[int(random.integers(len(values)))]
    at = _place(data, random)
    return data[:at] + value.to_bytes(size, "big" if random.random() < 0.5 else "little") + data[at + size :]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: _place(data, random)] if random.random() < 0.5 else data[: -_place(data, random) or None]


def _drop(data: bytes, random: Random) -> bytes:
    at, size = _place(data, random), int(random.integers(1, 33))
    return data[:at] + data[at + size :]


def _repeat(data: bytes, random: Random) -> bytes:
    at, size = _place(data, random), int(random.integers(1, 65))
    return data[: at + size] + data[at:]


def _insert(data: bytes, random: Random) -> bytes:
    at = _place(data, random)
    return data[:at] + random.bytes(int(random.integers(1, 17))) + data[at:]


def _splice(data: bytes, other: bytes, random: Random) -> bytes:
    return data[: _place(data, random)] + other[_place(other, random) :]
