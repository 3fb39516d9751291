"""Shared randomness: the published generator, and the same numbers from any implementation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from diffdemo.coding.philox import philox_blocks, philox_signs, philox_words

# kat_vectors of the Random123 distribution, philox4x32 with 10 rounds: counter, key, result.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


def philox_in_torch(counters: torch.Tensor, key: tuple[int, int]) -> torch.Tensor:
    """int64 [n,4] -> int64 [n,4]; 64-bit products are put together from 16-bit halves, so that none overflows."""

    def product(a: int, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        low, high = a * (b & 0xFFFF), a * (b >> 16)
        total = (low >> 16) + high
        return total >> 16, (total & 0xFFFF) << 16 | low & 0xFFFF

    x = list(counters.unbind(1))
    for r in range(10):
        k0, k1 = (key[0] + r * 0x9E3779B9) & 0xFFFFFFFF, (key[1] + r * 0xBB67AE85) & 0xFFFFFFFF
        high0, low0 = product(0xD2511F53, x[0])
        high1, low1 = product(0xCD9E8D57, x[2])
        x = [high1 ^ x[1] ^ k0, low1, high0 ^ x[3] ^ k1, low0]
    return torch.stack(x, dim=1)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_ANSWERS)
def test_known_answers(counter: str, key: str, result: str) -> None:
    k0, k1 = words(key)
    assert philox_blocks(np.array([words(counter)], np.uint32), (k0, k1)).tolist() == [words(result)]


def test_agreement_with_another_implementation() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        counters = generator.integers(0, 2**32, (50, 4), dtype=np.uint32)
        k0, k1 = (int(k) for k in generator.integers(0, 2**32, 2))
        expected = philox_in_torch(torch.from_numpy(counters.astype(np.int64)), (k0, k1))
        assert philox_blocks(counters, (k0, k1)).tolist() == expected.tolist()


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1001])
def test_words_are_blocks_in_order(count: int) -> None:
    counters = np.array([[i, 7, 8, 9] for i in range(251)], np.uint32)
    expected = philox_blocks(counters, (1, 2)).ravel()[:count]
    found = philox_words(count, (1, 2), stream=(7, 8, 9))
    assert found.dtype == np.uint32
    assert found.tolist() == expected.tolist()


def test_streams_and_keys_differ() -> None:
    drawn = [
        philox_words(8, key, stream=stream).tobytes()
        for key in [(0, 0), (1, 0), (0, 1)]
        for stream in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    ]
    assert len(set(drawn)) == len(drawn)


def test_signs_are_the_words_bit_by_bit() -> None:
    first, second = philox_words(2, (3, 4), stream=(5, 6, 7)).tolist()
    bits = [first >> i & 1 for i in range(32)] + [second >> i & 1 for i in range(32)]
    signs = philox_signs(50, (3, 4), stream=(5, 6, 7))
    assert signs.dtype == np.float32
    assert signs.tolist() == [1 - 2 * bit for bit in bits[:50]]


def test_signs_are_fair() -> None:
    signs = philox_signs(1 << 16, (0, 0), stream=(0, 0, 0))
    assert abs(signs.sum()) < 4 * 256  # four standard deviations
