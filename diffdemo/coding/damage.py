"""Where the bytes of a damaged payload may be wrong, as far as its check value tells.

A CRC is linear: by how much a wrong bit changes it depends on its distance from the end alone, and of 32,767
neighbouring bits no two change the file's CRC-16 by the same. So a single wrong bit of a payload of up to 4 KB is found
with certainty; in a longer one there are some places where it may be.

Source: Peterson and Brown 1961, "Cyclic Codes for Error Detection".
"""

from __future__ import annotations

import binascii

POLYNOMIAL = 0x1021
PERIOD = 32_767
"""Of the polynomial: the powers of x modulo it repeat after so many."""


def wrong_bits(payload: bytes, check: int) -> tuple[int, ...]:
    """The bits that would explain a payload's check value if one alone were wrong.

    Args:
        payload: whole.
        check: what its CRC-16 should be.

    Returns:
        Their numbers in rising order, from 0, the highest bit of the first byte; none where no bit alone explains it.
    """
    difference = binascii.crc_hqx(payload, 0xFFFF) ^ check
    num_bits = 8 * len(payload)
    # What the last bit changes is x^16 modulo the polynomial, and each bit before it x times as much.
    change = POLYNOMIAL
    for distance in range(min(num_bits, PERIOD)):
        if change == difference:
            return tuple(range(num_bits - 1 - distance, -1, -PERIOD))[::-1]
        change = (change << 1 & 0xFFFF) ^ (POLYNOMIAL if change & 0x8000 else 0)
    return ()
