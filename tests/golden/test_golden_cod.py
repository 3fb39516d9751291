"""Payloads of CoD-Lite: the bytes of every model of the codes, integer by integer. No network is needed for them."""

from __future__ import annotations

import numpy as np
import pytest

from diffdemo.codecs.cod import CodLite, rate_number, rate_of
from diffdemo.codecs.cod_file import cod_sides, write_cod
from diffdemo.codecs.cod_payload import BLENDS, Codes, _Counts, max_payload_bytes, read_payload, write_payload
from diffdemo.coding.container import Header, write_bitstream
from diffdemo.coding.range_coder import SymbolEncoder
from diffdemo.errors import BitstreamError, CorruptBitstream, UnsupportedBitstream
from diffdemo.models.cod.shape import CodShape
from tests.golden.numbers import noise

BITS, HEIGHT, WIDTH = 4, 7, 9
PAYLOADS = (
    "00c2e243508ce430275543d4354100f64036155fe2508560f3f63212e241775940",
    "01c2b9e5ef169ed7f86976d8ed4eaf879a561819dea08da48089b05842dd09a6bd",
    "02c29574a796d44aa85039ba57efc43a9dbbe6ee02b1e5029a0122e67390b7f8",
    "03c23b23afba264d7bac58cddbf304fb4e936f04c1a3ca497f95a3d2ae24ef3088",
    "04c16fb99a2d34e577a32d5672457c98cd00a663e5151537e5b0f7c2e2ff0fac3807b6",
    "05c25675d7539d43ade1351a062ac83f26c279b5a191611142dd4d32a45f9749de",
    "06c0eaa2798d4dca3e061f97e28747c72a39266f15752fb24b8eb329a4fbac1e3330011b",
)
"""The same codes by each model, the first byte being its number."""
FLAT = "06050504043a"


def codes() -> Codes:
    """Few of them often, beside the same neighbours: what adaptive models are for."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    change = np.rint(2 * noise((HEIGHT, WIDTH), 110)).astype(np.int32)
    return ((x // 2 + y // 3 + change) % 16).astype(np.int32)


def test_every_model_of_the_codes() -> None:
    assert len(PAYLOADS) == 1 + len(BLENDS)
    for number, payload in enumerate(PAYLOADS):
        data = bytes.fromhex(payload)
        assert data[0] == number
        assert np.array_equal(read_payload(data, HEIGHT, WIDTH, BITS), codes())


def test_the_shortest_is_written() -> None:
    assert write_payload(codes(), BITS).hex() == min(PAYLOADS, key=len)
    flat = np.full((HEIGHT, WIDTH), 5, np.int32)
    assert write_payload(flat, 8).hex() == FLAT
    assert np.array_equal(read_payload(bytes.fromhex(FLAT), HEIGHT, WIDTH, 8), flat)


def test_what_no_encoder_writes_is_refused() -> None:
    fixed = bytes.fromhex(PAYLOADS[0])
    assert max_payload_bytes(HEIGHT * WIDTH, BITS) == len(fixed) == 33
    wrong = [b"", bytes([1 + len(BLENDS)]) + fixed[1:], fixed + b"\0", fixed[:-1], fixed[:-1] + bytes([fixed[-1] | 1])]
    for data in (*wrong, bytes.fromhex(PAYLOADS[3])[:-1], bytes.fromhex(PAYLOADS[3]) + b"\0"):
        with pytest.raises(BitstreamError):
            read_payload(data, HEIGHT, WIDTH, BITS)


def test_a_code_that_no_codebook_has_is_refused() -> None:
    """The escape of a table is never written; here it is, as the only code of a picture."""
    table = _Counts(BITS, BLENDS[0]).table(1 << BITS, 1 << BITS)
    encoder = SymbolEncoder()
    encoder.encode(np.array([1 << BITS], np.int32), table)
    with pytest.raises(CorruptBitstream, match="no codebook has"):
        read_payload(b"\1" + encoder.to_bytes(), 1, 1, BITS)


def test_numbers_of_codec_and_rates() -> None:
    assert CodLite.codec_id == 3
    shapes = [CodShape(4, 4), CodShape(8, 8), CodShape(16, 4), CodShape(32, 8)]
    assert [rate_number(shape) for shape in shapes] == [36, 56, 68, 88]
    for shape in shapes:
        found = rate_of(Header(3, b"gold", 64, 64, (rate_number(shape),), 0, 0))
        assert (found.stride, found.bits) == (shape.stride, shape.bits)


def test_files_are_of_version_1() -> None:
    fields = {"codec_id": 3, "fingerprint": b"gold", "width": 64, "height": 64, "parameters": (68,), "payload": b""}
    assert CodLite.describe(write_bitstream(**fields)).facts == {"stride": 16, "code_bits": 4}
    with pytest.raises(UnsupportedBitstream):
        CodLite.describe(write_bitstream(**fields, version=2))


def test_bytes_of_the_authors_file() -> None:
    data = write_cod(codes(), CodShape(16, BITS))
    assert data == bytes.fromhex("90007000" + PAYLOADS[0][2:])
    assert cod_sides(data) == (144, 112)
