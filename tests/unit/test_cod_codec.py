"""CoD-Lite as a codec: its files and the authors', any size, and whatever else somebody may call a file of it."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from diffdemo.codecs.cod import CodContent, CodLite, rate_number, rate_of
from diffdemo.codecs.cod_file import cod_sides, read_cod, write_cod
from diffdemo.codecs.cod_payload import fixed_bytes
from diffdemo.codecs.records import Preset, Reconstruction, Target, Work
from diffdemo.codecs.rendering import DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.coding.container import read_bitstream, write_bitstream
from diffdemo.errors import (
    BitstreamError,
    CorruptBitstream,
    ImageError,
    ModelMismatch,
    RateError,
    TruncatedBitstream,
    UnsupportedBitstream,
)
from diffdemo.images import Pixels
from diffdemo.models.cod.shape import CodShape
from tests.released_cod import RATES, as_input, formula_model, patterned, tiny_shape

AUTHORS = (
    ("0_0039", (4, 3), "60008000773373333396", [7, 7, 3, 3, 7, 3, 3, 3, 3, 3, 9, 6]),
    (
        "0_0312",
        (6, 8),
        "8000600077da0233dafea2dadaabda8bab9a3befda1aabdada290406da9a29dadada20dada2993da2920dadac3c3c3c3c380c318",
        [119, 218, 2, 51, 218, 254, 162, 218, 218, 171, 218, 139],
    ),
)
"""Rate, rows and columns, a file that the authors' code wrote, its first twelve codes."""

GOLDEN = "4449464401137465737428194807d24e743800001122334455"
GOLDEN_ADAPTED = "444946440113746573742819440254d663750696"
"""Files of 40 x 25 pixels, in hexadecimal: six codes of fixed length, and six that are all the same."""


def codec_of(stride: int = 16, bits: int = 8, fingerprint: bytes = b"test") -> CodLite:
    return CodLite(formula_model(tiny_shape(stride, bits)), fingerprint=fingerprint)


@pytest.fixture(scope="module")
def codec() -> CodLite:
    return codec_of()


@pytest.fixture(scope="module")
def picture() -> Pixels:
    return patterned(41, 70)


@pytest.fixture(scope="module")
def data(codec: CodLite, picture: Pixels) -> bytes:
    return codec.encode(picture, Target())


def decoded(codec: CodLite, data: bytes) -> torch.Tensor:
    (only,) = codec.decode(data)
    assert (only.step, only.num_steps, only.num_bytes, only.sigma) == (1, 1, len(data), 0.0)
    assert bool(only.image.isfinite().all())
    assert float(only.image.abs().max()) <= 1
    return only.image


def decode_cod(codec: CodLite, data: bytes, rendering: Rendering = DEFAULT_RENDERING) -> Iterator[Reconstruction]:
    moments = codec.coded_foreign(data, "cod").frames(rendering)
    return (moment for moment in moments if isinstance(moment, Reconstruction))


def refusal(codec: CodLite, data: bytes, kind: type[BitstreamError] = CorruptBitstream) -> str:
    with pytest.raises(kind) as caught:
        list(codec.decode(data))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("stride", "bits"), list(RATES.values()))
def test_any_size_comes_back_in_its_size(stride, bits):
    codec = codec_of(stride, bits)
    for height, width in ((1, 1), (1, 40), (33, 2), (31, 33), (64, 32)):
        file = codec.encode(patterned(height, width), Target())
        assert decoded(codec, file).shape == (1, 3, height, width)
        multiple = codec.model.shape.multiple
        codes = (-(-height // multiple) * multiple) * (-(-width // multiple) * multiple) // stride**2
        bitstream = read_bitstream(file)
        assert (bitstream.header.width, bitstream.header.height) == (width, height)
        assert len(bitstream.payload) <= 1 + fixed_bytes(codes, bits)


def test_a_file_holds_the_codes_of_the_padded_picture_and_decodes_to_their_picture(codec, picture, data):
    padded = np.pad(picture, ((0, 7), (0, 10), (0, 0)), mode="symmetric")
    codes = codec.model.codes(as_input(padded))
    content = codec.read(codec.open(data))
    assert (content.width, content.height) == (70, 41)
    assert np.array_equal(content.codes, codes.numpy())
    whole = codec.model.picture(codes)[:, :, :41, :70].clamp(-1, 1)
    assert torch.allclose(decoded(codec, data), whole, atol=1e-6)


def test_same_input_same_bytes_whatever_the_preset_and_seed(codec, picture, data):
    assert codec.encode(picture, Target(psnr_db=99.0), preset=Preset.BEST, seed=7) == data


def test_golden_bytes(codec):
    content = CodContent(40, 25, 17 * np.arange(6, dtype=np.int32).reshape(2, 3))
    assert codec.write(content).hex() == GOLDEN
    repeated = CodContent(40, 25, np.full((2, 3), 9, np.int32))
    assert codec_of(16, 4).write(repeated).hex() == GOLDEN_ADAPTED
    assert np.array_equal(codec.read(codec.open(bytes.fromhex(GOLDEN))).codes, content.codes)


def test_a_target_is_kept_or_refused_with_what_would_be_enough(codec, picture, data):
    assert codec.encode(picture, Target(num_bytes=len(data))) == data
    with pytest.raises(RateError, match=f"too few for this picture: this CoD-Lite model needs {len(data)}"):
        codec.encode(picture, Target(num_bytes=len(data) - 1))


def test_decoders_of_other_codecs_are_refused_in_words(codec, picture, data):
    with pytest.raises(RateError, match="choose one of: deterministic"):
        list(codec.decode(data, Rendering(Decoder.FLOW)))
    with pytest.raises(RateError, match="choose one of: deterministic"):
        list(decode_cod(codec, codec.encode_foreign(picture, "cod"), Rendering(Decoder.STOCHASTIC)))


def test_steps_and_seed_change_nothing(codec, data):
    (only,) = codec.decode(data, Rendering(Decoder.DETERMINISTIC, steps=9, seed=4, gamma=2))
    assert torch.equal(only.image, decoded(codec, data))


def test_no_prefix_decodes(codec, data):
    for size in range(len(data)):
        refusal(codec, data[:size], TruncatedBitstream)


def test_every_flipped_bit_is_found(codec, data):
    for position in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            refusal(codec, bytes(damaged), BitstreamError)


def test_random_bytes_are_refused(codec, data):
    random = np.random.default_rng(5)
    header = data[: read_bitstream(data).header_bytes]
    for _ in range(200):
        noise = random.bytes(int(random.integers(0, 60)))
        refusal(codec, noise, BitstreamError)
        refusal(codec, header + noise, BitstreamError)


def test_bytes_behind_the_end_are_ignored_as_by_every_codec(codec, data):
    (only,) = codec.decode(data + b"more")
    assert torch.equal(only.image, decoded(codec, data))


def hostile(codec: CodLite, payload: bytes = bytes(2), **fields: object) -> bytes:
    header = {
        "codec_id": 3,
        "fingerprint": codec.fingerprint,
        "width": 16,
        "height": 16,
        "parameters": (rate_number(codec.model.shape),),
    }
    return write_bitstream(**{**header, **fields}, payload=payload)


def test_headers_that_no_encoder_wrote_are_refused(codec):
    assert decoded(codec, hostile(codec)).shape == (1, 3, 16, 16)
    for fields in ({"codec_id": 2}, {"parameters": ()}, {"parameters": (72, 0)}):
        assert "not written by CoD-Lite" in refusal(codec, hostile(codec, **fields))
    for number in (0, 8, 16 + 8, 64, 64 + 9, 6 * 16 + 8, (1 << 35) - 1):
        assert "names a rate that no CoD-Lite model has" in refusal(codec, hostile(codec, parameters=(number,)))
    assert "another rate" in refusal(codec, hostile(codec, parameters=(16 * 5 + 8,)))


def test_the_version_of_another_codec_is_refused(codec):
    words = "version 2; this installation reads version 1."
    assert words in refusal(codec, hostile(codec, version=2), UnsupportedBitstream)
    with pytest.raises(UnsupportedBitstream, match=r"reads version 1\."):
        codec.describe(hostile(codec, version=2))
    assert codec.describe(hostile(codec)).facts["code_bits"] == codec.model.shape.bits


def test_other_weights_are_refused_by_name(codec, data):
    other = codec_of(fingerprint=b"\x00\x01\x02\x03")
    assert "74657374; this one is 00010203" in refusal(other, data, ModelMismatch)


def test_files_of_other_kinds_are_refused(codec):
    refusal(codec, b"\x89PNG\r\n\x1a\n" + bytes(40), UnsupportedBitstream)
    refusal(codec, codec.encode_foreign(patterned(16, 16), "cod"), BitstreamError)


@pytest.mark.parametrize("size", [(65535, 65535), (65535, 65), (2049, 2048)])
def test_a_huge_picture_is_refused_before_anything_is_allocated(codec, size):
    tracemalloc.start()
    try:
        assert "decodes at most 4,194,304" in refusal(codec, hostile(codec, width=size[0], height=size[1]))
        with pytest.raises(CorruptBitstream, match="decodes at most 4,194,304"):
            list(decode_cod(codec, struct.pack("<HH", *size) + bytes(10)))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_payload_that_the_picture_cannot_hold_is_refused(codec):
    assert "no picture of this size takes so many" in refusal(codec, hostile(codec, bytes(3)))


def test_pictures_that_no_file_can_hold_are_refused(codec):
    for pixels in (
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((1, 70_000, 3), np.uint8),
        np.zeros((2049, 2049, 3), np.uint8),
        np.zeros((2033, 2049, 3), np.uint8),
        np.zeros((65, 65_535, 3), np.uint8),
    ):
        with pytest.raises(ImageError):
            codec.encode(pixels, Target())


def test_pixels_need_not_be_contiguous(codec, picture, data):
    assert codec.encode(picture[:, ::-1][:, ::-1], Target()) == data


def test_work_is_known_before(codec, data):
    assert codec.work_of_encode(70, 41, Target(), Preset.FAST) == Work(80 * 48, 1)
    assert codec.coded(data).work(Rendering()) == Work(80 * 48, 1)
    codec.evaluate_once(20, 10)


@pytest.mark.parametrize(("rate", "size", "file", "first"), AUTHORS)
def test_files_of_the_authors_are_read_and_written_byte_by_byte(rate, size, file, first):
    shape = CodShape(*RATES[rate])
    width, height, codes = read_cod(bytes.fromhex(file), shape)
    assert (width, height) == (size[1] * shape.stride, size[0] * shape.stride)
    assert codes.shape == size
    assert codes.ravel()[:12].tolist() == first
    assert write_cod(codes, shape).hex() == file


@pytest.mark.parametrize(("stride", "bits"), list(RATES.values()))
def test_both_files_of_a_picture_decode_to_the_same(stride, bits):
    codec = codec_of(stride, bits)
    pixels = patterned(35, 50)
    cod = codec.encode_foreign(pixels, "cod")
    multiple = codec.model.shape.multiple
    assert cod_sides(cod) == (64, 64 if multiple == 32 else 48)
    (theirs,) = decode_cod(codec, cod)
    assert theirs.num_bytes == len(cod)
    assert torch.allclose(theirs.image[:, :, :35, :50], decoded(codec, codec.encode(pixels, Target())), atol=1e-6)


def test_where_an_authors_file_has_no_codes_the_picture_is_grey(codec):
    codes = np.arange(6, dtype=np.int32).reshape(2, 3)
    whole = write_cod(codes, codec.model.shape)
    (known,) = decode_cod(codec, whole)
    (wider,) = decode_cod(codec, struct.pack("<HH", 50, 47) + whole[4:])
    assert wider.image.shape == (1, 3, 47, 50)
    assert torch.allclose(wider.image[:, :, :32, :48], known.image, atol=1e-6)
    assert not wider.image[:, :, 32:].any()
    assert not wider.image[:, :, :, 48:].any()


@pytest.mark.parametrize(
    ("stride", "side", "is_fine"),
    [(32, 47, True), (32, 48, False), (8, 23, True), (8, 24, False), (4, 19, True), (4, 20, False), (16, 31, True)],
)
def test_sides_that_the_authors_decoder_cannot_take_are_refused(stride, side, is_fine):
    shape = tiny_shape(stride, 8)
    count = side // stride * (64 // stride)
    file = struct.pack("<HH", side, 64) + bytes(count)
    if is_fine:
        assert read_cod(file, shape)[2].shape == (64 // stride, side // stride)
    else:
        with pytest.raises(CorruptBitstream, match="cannot decode that"):
            read_cod(file, shape)


def test_authors_files_that_are_none_are_refused_in_words(codec):
    good = codec.encode_foreign(patterned(32, 32), "cod")
    for size in range(len(good)):
        with pytest.raises(TruncatedBitstream):
            list(decode_cod(codec, good[:size]))
    with pytest.raises(CorruptBitstream, match=r"9 bytes; 32 x 32 pixels take 8"):
        list(decode_cod(codec, good + b"\x00"))
    for sides in ((0, 32), (32, 0), (15, 32)):
        with pytest.raises(CorruptBitstream, match="claims"):
            list(decode_cod(codec, struct.pack("<HH", *sides) + bytes(4)))
    with pytest.raises(CorruptBitstream, match="no encoder writes"):
        list(decode_cod(codec_of(32, 4), struct.pack("<HH", 32, 32) + b"\x5f"))


def test_a_picture_too_wide_for_the_authors_file_is_refused(codec):
    with pytest.raises(ImageError, match=r"write a \.difd file"):
        write_cod(np.zeros((1, 4096), np.int32), codec.model.shape)


@pytest.mark.parametrize("rate", list(RATES))
def test_the_header_says_the_rate_without_the_model(rate):
    codec = codec_of(*RATES[rate])
    header = read_bitstream(codec.encode(patterned(20, 20), Target())).header
    shape = rate_of(header)
    assert (shape.stride, shape.bits) == RATES[rate]
