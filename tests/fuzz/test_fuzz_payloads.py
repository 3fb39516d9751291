"""Payloads that nobody wrote, behind headers and check values that are right: pictures, or refused in words.

python -m pytest tests/fuzz/test_fuzz_payloads.py -m slow -s      2,000 of them, with figures
"""

from __future__ import annotations

import struct
from functools import partial

import numpy as np
import pytest
import torch

from diffdemo.codecs.base import Codec
from diffdemo.codecs.cdc import Cdc, Content
from diffdemo.codecs.cdc_step import FINEST, delta_of
from diffdemo.codecs.cod_file import read_cod
from diffdemo.codecs.cod_payload import max_payload_bytes as max_cod_bytes
from diffdemo.codecs.cod_payload import read_payload, write_payload
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import TREES, FileHead
from diffdemo.codecs.diffc_payload import LAST_LEVEL, PayloadWriter, max_payload_bytes
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.coding.container import read_bitstream, write_bitstream
from diffdemo.coding.range_coder import LARGEST_SYMBOL
from diffdemo.engine.store import load_codec
from diffdemo.errors import BitstreamError
from diffdemo.models.cdc.model import Family
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.registry import default_model, model_spec
from tests.fuzz.attempts import Tally
from tests.fuzz.noise import Random, mutated, random_for
from tests.golden import sources
from tests.golden.cases import CDC_CASES, DIFFC_CASES, FOLDER, CdcCase

DIFFC_KIND, CDC_KIND, SHIPPED_KIND, COD_KIND = 2, 3, 4, 6
MAX_SECONDS = 20.0
"""For a decode of up to 512 steps, with four views, and a sampler behind it."""
MAX_SIDE = 40
SHIPPED_PAYLOADS = 20


def some_bytes(random: Random, size: int) -> bytes:
    """Noise, or what is far from it."""
    kind = random.random()
    if kind < 0.7:
        return random.bytes(size)
    return (b"\0", b"\xff", b"\x55", b"\x80\x01")[int(random.integers(4))] * size


def steps_of_any_size(random: Random, head: FileHead) -> bytes:
    """A payload as a writer builds it, with levels that no encoder chooses: tiny steps, huge ones, all the way down."""
    writer = PayloadWriter(head.rule)
    largest = int(random.choice((1, 3, 40, 400, LAST_LEVEL)))
    for _ in range(int(random.integers(1, 40))):
        level = writer.level + int(random.integers(1, largest + 1))
        if level > LAST_LEVEL:
            break
        stages = writer.rule
        writer.begin_step(level, stages)
        writer.bits.symbols(random.integers(0, 4, stages).astype(np.uint8))
    return writer.bits.to_bytes()


def any_head(random: Random, codec: DiffC) -> FileHead:
    """A header that is valid for a codec: any size, preset, growth, seed and version; any number of views it knows."""
    version = int(random.choice(tuple(TREES)))
    width, height = (int(side) for side in random.integers(1, 4 if random.random() < 0.3 else MAX_SIDE + 1, 2))
    return FileHead(
        codec.fingerprint,
        width,
        height,
        seed=int(random.choice((0, 1, (1 << 32) - 1))),
        tree=int(random.choice(TREES[version])),
        growth=int(random.choice((1, 2, 16, 60, 300, 16_384))),
        views=int(random.integers(1, codec.space.most_views + 1)),
        channels=codec.space.channels,
        factor=codec.space.factor,
        prompt="words" if codec.space.takes_prompt and random.random() < 0.5 else "",
        version=version,
    )


def diffc_file(random: Random, codec: DiffC) -> bytes:
    """A file with a valid header, any steps, right check values; a third of them cut."""
    head = any_head(random, codec)
    most = max_payload_bytes(head.dimensions)
    noise = some_bytes(random, int(random.choice((0, 1, 2, 30, 300, 1500))))
    payload = noise if random.random() < 0.5 else steps_of_any_size(random, head)
    data = head.to_file(payload[:most])
    return data[: int(random.integers(len(data) + 1))] if random.random() < 0.33 else data


def content_of_any_size(random: Random, codec: Cdc, code: int) -> Content:
    """Symbols that no picture has: all zero, tiny, or as large as they can be."""
    width, height = (int(side) for side in random.integers(1, 130, 2))
    sizes = [float(random.choice((0, 1, 100, LARGEST_SYMBOL))) for _ in range(2)]
    z_shape = (codec.model.shape.hyper_channels, -(-height // 64), -(-width // 64))
    z_symbols = np.rint(random.uniform(-sizes[0], sizes[0], z_shape)).astype(np.int32)
    means, scales = codec._predict(z_symbols)
    y = means * FINEST + np.rint(random.uniform(-sizes[1], sizes[1], means.shape)) * delta_of(code)
    return Content(width, height, z_symbols, y, means, scales)


def cdc_file(random: Random, codec: Cdc) -> bytes:
    """A file with a valid header and right check values; its payload a whole stream, a changed one, or noise."""
    code = int(random.choice((0, 1, 32, 100, 223)))
    data = codec.write(content_of_any_size(random, codec, code), code, bit_price=0.0)
    kind = random.random()
    if kind < 0.6:
        return data
    whole = read_bitstream(data)
    noise = some_bytes(random, int(random.choice((0, 1, 4, 30, 400))))
    return write_bitstream(
        codec_id=codec.codec_id,
        fingerprint=codec.fingerprint,
        width=whole.header.width,
        height=whole.header.height,
        parameters=whole.header.parameters,
        payload=noise if kind < 0.75 else mutated(whole.payload, random),
    )


def last_picture(codec: Codec, data: bytes, rendering: Rendering) -> torch.Tensor:
    """Of a decode; every picture on the way there is checked as well."""
    for reconstruction in codec.decode(data, rendering):
        image = reconstruction.image
        assert torch.isfinite(image).all(), "a picture holds values that are not numbers"
        assert -1 <= float(image.min()) <= float(image.max()) <= 1
    return image


def any_rendering(random: Random, decoder: Decoder) -> Rendering:
    return Rendering(
        decoder,
        realism=float(random.choice((0, 0.5, 1))),
        gamma=float(random.choice((0, 0.8, 2))),
        eta=float(random.choice((0, 1))),
        steps=int(random.integers(1, 4)),
        seed=int(random.integers(1 << 31)),
    )


def decode_all(
    codec: Codec, data: bytes, random: Random, tally: Tally, name: str, seconds: float = MAX_SECONDS
) -> None:
    """With every decoder that the codec has."""
    for decoder in codec.decoders:
        rendering = any_rendering(random, decoder)
        call = partial(last_picture, codec, data, rendering)
        tally.attempt(call, BitstreamError, f"{name}, {decoder}", seconds)


@pytest.mark.parametrize("count", [60, pytest.param(1400, marks=pytest.mark.slow)])
def test_diffc_payloads_are_pictures(count: int) -> None:
    tally = Tally()
    for number in range(count):
        random = random_for(DIFFC_KIND, number)
        of_pictures = sources.diffc(has_spectrum=number % 4 < 2)
        codec = sources.diffc_of_latents() if number % 4 == 3 else of_pictures
        decode_all(codec, diffc_file(random, codec), random, tally, f"DiffC payload {number}")
    print(f"\n{count:,} DiffC payloads: {tally}")
    assert tally.accepted > 2 * count


@pytest.mark.parametrize("count", [20, pytest.param(600, marks=pytest.mark.slow)])
def test_cdc_payloads_are_pictures_or_refused(count: int) -> None:
    tally = Tally()
    for number in range(count):
        random = random_for(CDC_KIND, number)
        codec = sources.cdc((Family.X, Family.EPSILON)[number % 2])
        decode_all(codec, cdc_file(random, codec), random, tally, f"CDC payload {number}")
    print(f"\n{count:,} CDC payloads: {tally}")
    assert tally.accepted > 0.5 * count
    assert tally.refused > 0.2 * count


def cod_payload(random: Random, height: int, width: int, bits: int) -> bytes:
    """Of CoD-Lite: whole, changed, or noise behind the number of a model."""
    codes = random.integers(0, 1 + int(random.integers(1 << bits)), (height, width)).astype(np.int32)
    kind = random.random()
    if kind < 0.3:
        return bytes([int(random.integers(8))]) + some_bytes(random, max_cod_bytes(codes.size, bits) - 1)
    whole = write_payload(codes, bits)
    return whole if kind < 0.5 else mutated(whole, random)


@pytest.mark.parametrize("count", [200, pytest.param(5000, marks=pytest.mark.slow)])
def test_cod_payloads_and_files_are_codes_or_refused(count: int) -> None:
    tally = Tally()
    for number in range(count):
        random = random_for(COD_KIND, number)
        height, width = (int(side) for side in random.integers(1, 12, 2))
        bits = int(random.choice((4, 8)))
        payload = cod_payload(random, height, width, bits)
        read = partial(read_payload, payload, height, width, bits)
        codes = tally.attempt(read, BitstreamError, f"CoD payload {number}", MAX_SECONDS)
        assert codes is None or (codes.shape == (height, width) and 0 <= codes.min() <= codes.max() < 1 << bits)
        file = mutated(struct.pack("<HH", 16 * width, 16 * height) + payload[1:], random)
        tally.attempt(partial(read_cod, file, CodShape(16, bits)), BitstreamError, f".cod file {number}", MAX_SECONDS)
    print(f"\n{count:,} CoD-Lite payloads and as many .cod files: {tally}")
    assert tally.accepted > 0.3 * count
    assert tally.refused > 0.3 * count


@pytest.mark.slow
@pytest.mark.parametrize("name", ["diffc", "cdc"])
def test_payloads_are_pictures_with_the_shipped_weights(name: str) -> None:
    """What makes sense to no network, given to those that people have."""
    codec = load_codec(model_spec(default_model(name)), torch.device("cpu"))
    tally = Tally()
    for number in range(SHIPPED_PAYLOADS):
        random = random_for(SHIPPED_KIND, number)
        data = cdc_file(random, codec) if isinstance(codec, Cdc) else diffc_file(random, codec)
        decode_all(codec, data, random, tally, f"{name}, payload {number}", seconds=60)
    print(f"\n{SHIPPED_PAYLOADS} payloads for {name}: {tally}")
    assert tally.accepted > SHIPPED_PAYLOADS


@pytest.mark.parametrize("name", [DIFFC_CASES[-1].name, pytest.param(DIFFC_CASES[9].name, marks=pytest.mark.slow)])
def test_every_prefix_of_a_diffc_file_is_a_picture_or_ends_in_its_header(name: str) -> None:
    (case,) = (case for case in DIFFC_CASES if case.name == name)
    data = (FOLDER / f"{name}.difd").read_bytes()
    first = case.codec().open(data).first_byte
    tally = Tally()
    for length in range(len(data) + 1):
        image = tally.attempt(
            partial(last_picture, case.codec(), data[:length], Rendering()), BitstreamError, f"prefix {length}", 5
        )
        assert (image is None) == (length < first)
    assert tally.kinds == {"TruncatedBitstream"}


@pytest.mark.parametrize("case", CDC_CASES[1::3], ids=lambda case: case.name)
def test_no_prefix_of_a_cdc_file_is_a_picture(case: CdcCase) -> None:
    data = (FOLDER / f"{case.name}.difd").read_bytes()
    tally = Tally()
    for length in range(len(data)):
        call = partial(last_picture, case.codec(), data[:length], Rendering(steps=1))
        tally.attempt(call, BitstreamError, f"prefix {length}", 5)
    assert tally.accepted == 0
    assert tally.kinds == {"TruncatedBitstream"}
