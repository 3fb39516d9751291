"""CDC files: what they cost, what protects them, and that their bits mean the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from diffdemo.codecs.cdc import BIT_PRICE, Cdc, Content
from diffdemo.codecs.cdc_step import LARGEST_CODE, UNIT_CODE, delta_of, scales_in_steps
from diffdemo.codecs.records import Target
from diffdemo.coding.container import read_bitstream, write_bitstream
from diffdemo.coding.frequency import gaussian_tables
from diffdemo.coding.range_coder import LARGEST_SYMBOL, costs_in_bits
from diffdemo.engine.examples import example_pixels
from diffdemo.engine.store import load_codec
from diffdemo.errors import CorruptBitstream, ImageError, UnsupportedBitstream
from diffdemo.measure.bench.rounding import rounded_curve
from diffdemo.measure.comparison.delta_rate import bd_rate
from diffdemo.models.cdc.compressor import bits_of, gaussian_likelihood
from diffdemo.models.cdc.model import CdcModel, CdcNetwork
from diffdemo.models.cdc.released import from_released
from diffdemo.models.registry import default_model, model_spec
from tests.released_cdc import released_checkpoint

GOLDEN = (3465, "1aebca9e34eeb5c5")
"""Length and first half of the SHA-256."""


@pytest.fixture(scope="module")
def shipped() -> Cdc:
    codec = load_codec(model_spec(default_model("cdc")), torch.device("cpu"))
    assert isinstance(codec, Cdc)
    return codec


@pytest.fixture(scope="module")
def seeded() -> Cdc:
    shape, tensors = from_released(released_checkpoint("x", 4), "seeded")
    network = CdcNetwork(shape)
    network.load_state_dict(tensors)
    return Cdc(CdcModel(network, sha256="0" * 64, device=torch.device("cpu")), fingerprint=b"seed")


def content(codec: Cdc) -> Content:
    """Latents made of integers, so that no float decides a symbol."""
    random = np.random.default_rng(0)
    z_symbols = random.integers(-2, 3, (16, 2, 3)).astype(np.int32)
    means, scales = codec._predict(z_symbols)
    y = means / 65536 + np.rint(random.normal(0, 40, means.shape)) / 8
    return Content(150, 100, z_symbols, y, means, scales)


def test_golden_bytes(seeded):
    file = seeded.write(content(seeded), UNIT_CODE + 16, bit_price=0.0)
    assert (len(file), hashlib.sha256(file).hexdigest()[:16]) == GOLDEN


@pytest.mark.parametrize("code", [0, UNIT_CODE, UNIT_CODE + 33, LARGEST_CODE])
def test_latents_come_back_to_the_step(seeded, code):
    sent = content(seeded)
    y_hat = seeded.read(read_bitstream(seeded.write(sent, code, bit_price=0.0)))[0].numpy()
    assert np.abs(y_hat - sent.y).max() <= delta_of(code) / 2 + 1e-4


def test_reading_does_not_depend_on_the_number_of_threads(seeded):
    bitstream = read_bitstream(seeded.write(content(seeded), UNIT_CODE))
    before = torch.get_num_threads()
    try:
        read = []
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            read.append(seeded.read(bitstream))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(read[0], read[1])
    assert torch.equal(read[0], read[2])


@torch.no_grad()
@pytest.mark.parametrize("name", ["chelsea", "astronaut", "coffee", "rocket"])
def test_a_file_takes_what_the_model_says_it_takes(shipped, name):
    sent = shipped.analyse(example_pixels(name)[:256, :320])
    compressor = shipped.model.compressor
    z_hat = (torch.from_numpy(sent.z_symbols) + compressor.prior.median[:, None, None])[None]
    mean, scale = compressor.predict(z_hat)
    for code in (UNIT_CODE, UNIT_CODE + 48, UNIT_CODE + 96):
        delta = delta_of(code)
        symbols = ((torch.from_numpy(sent.y)[None].float() - mean) / delta).round()
        bits = bits_of(compressor.prior.likelihood(z_hat)) + bits_of(gaussian_likelihood(symbols, scale / delta))
        ideal = float(bits) / 8
        size = len(shipped.write(sent, code, bit_price=0.0))
        assert size <= 1.01 * ideal + 32
        assert size >= 0.97 * ideal


def test_a_price_for_bits_only_moves_latents_towards_their_means_and_never_past(shipped):
    sent = shipped.analyse(example_pixels("chelsea")[:128, :192])
    for code in (UNIT_CODE, UNIT_CODE + 64):
        (nearest, indices), (priced, _) = sent.quantised(code, 0.0), sent.quantised(code, 0.05)
        moved = nearest != priced
        assert 0.001 < moved.mean() < 0.1
        assert np.array_equal(priced[moved], (nearest - np.sign(nearest))[moved])
        tables = gaussian_tables()
        spent = [costs_in_bits(s, indices, tables) for s in (nearest, priced)]
        lost = [(s - (sent.y - sent.means / 65536) / delta_of(code)) ** 2 for s in (nearest, priced)]
        assert ((lost[1] + 0.05 * spent[1]) <= (lost[0] + 0.05 * spent[0])).all()
        assert (spent[1][moved] < spent[0][moved]).all()


def test_pricing_bits_is_worth_it(shipped):
    """Against rounding to the nearest: fewer bits at equal quality on a picture."""
    pixels = example_pixels("chelsea")[:256, :256]
    sent = shipped.analyse(pixels)
    nearest, priced = (rounded_curve(shipped, pixels, sent, price) for price in (0.0, BIT_PRICE))
    change = bd_rate(nearest, priced)
    assert change is not None
    assert change < -0.2


def test_a_finer_step_is_a_larger_file(shipped):
    sent = shipped.analyse(example_pixels("chelsea")[:128, :192])
    sizes = [len(shipped.write(sent, code)) for code in range(0, LARGEST_CODE, 24)]
    assert sizes == sorted(sizes, reverse=True)


def test_estimated_bits_are_those_of_the_file(shipped):
    sent = shipped.analyse(example_pixels("chelsea")[:128, :192])
    file = shipped.write(sent, UNIT_CODE)
    payload = len(file) - read_bitstream(file).header_bytes
    assert payload == pytest.approx(sum(shipped.payload.bits_of(sent, UNIT_CODE)) / 8, abs=2)


def test_the_rate_counts_the_picture_and_not_its_padding(shipped):
    file = shipped.encode(example_pixels("chelsea")[:65, :65], Target(num_bytes=600))
    header = read_bitstream(file).header
    assert (header.width, header.height) == (65, 65)


def test_steps_are_powers_of_two_where_they_should_be():
    assert [delta_of(code) for code in (0, 32, 64, 192)] == [0.5, 1.0, 2.0, 32.0]
    assert delta_of(48) == pytest.approx(2**0.5, rel=1e-7)
    ratios = [delta_of(code + 1) / delta_of(code) for code in range(LARGEST_CODE)]
    assert ratios == pytest.approx([2 ** (1 / 32)] * LARGEST_CODE, rel=1e-5)


def test_scales_shrink_by_the_step_and_not_below_the_bound():
    scales = np.array([-5, 0, 6553, 65536, 1 << 25], np.int64)
    assert scales_in_steps(scales, UNIT_CODE).tolist() == [6554, 6554, 6554, 65536, 1 << 25]
    assert scales_in_steps(scales, UNIT_CODE + 32).tolist() == [3277, 3277, 3277, 32768, 1 << 24]


def hostile(codec: Cdc, payload: bytes, **fields: object) -> bytes:
    header = {"codec_id": 2, "fingerprint": codec.fingerprint, "width": 64, "height": 64, "parameters": (UNIT_CODE,)}
    return write_bitstream(**{**header, **fields}, payload=payload)


def test_payloads_that_no_encoder_wrote_are_refused(seeded):
    random = np.random.default_rng(3)
    refused = 0
    for size in (0, 1, 5, 40, 400):
        for _ in range(10):
            with pytest.raises(CorruptBitstream):
                seeded.read(seeded.open(hostile(seeded, random.bytes(size) + b"\x01" * (size > 0))))
            refused += 1
    assert refused == 50


def test_headers_that_no_encoder_wrote_are_refused(seeded):
    for fields in ({"parameters": ()}, {"parameters": (1, 2)}, {"parameters": (LARGEST_CODE + 1,)}, {"codec_id": 1}):
        with pytest.raises(CorruptBitstream):
            seeded.open(hostile(seeded, b"", **fields))


def test_the_version_of_another_codec_is_refused(seeded):
    assert read_bitstream(hostile(seeded, b"")).header.version == 1
    for read in (seeded.open, seeded.describe):
        assert read(hostile(seeded, b"")) is not None
        with pytest.raises(UnsupportedBitstream, match=r"version 2; this installation reads version 1\."):
            read(hostile(seeded, b"", version=2))


def test_a_payload_that_the_picture_cannot_hold_is_refused(seeded):
    # 16 channels of z at 1/64, 16 of y at 1/16, and no symbol takes more than 68 bits.
    most = (16 + 16 * 16) * 68 // 8 + 8
    with pytest.raises(CorruptBitstream, match="damaged"):
        seeded.read(seeded.open(hostile(seeded, bytes(most))))
    with pytest.raises(CorruptBitstream, match="no picture of this size takes so many"):
        seeded.open(hostile(seeded, bytes(most + 1)))


def test_the_dearest_symbols_stay_below_that(seeded):
    means, scales = seeded._predict(np.full((16, 1, 1), -LARGEST_SYMBOL, np.int32))
    dear = Content(64, 64, np.full((16, 1, 1), -LARGEST_SYMBOL, np.int32), np.full(means.shape, -1e9), means, scales)
    assert np.abs(seeded.read(seeded.open(seeded.write(dear, 0, bit_price=0.0))).numpy()).max() > 5e5


def test_a_side_that_no_file_can_name_is_refused(seeded):
    with pytest.raises(ImageError, match="70000 x 1 pixels; each side"):
        seeded.analyse(np.zeros((1, 70_000, 3), np.uint8))


def test_a_huge_picture_is_refused_before_anything_is_allocated(seeded):
    with pytest.raises(CorruptBitstream, match="claims 65535 x 65535"):
        seeded.open(hostile(seeded, b"", width=65535, height=65535))
    # Thin, but padded to 64 rows.
    with pytest.raises(CorruptBitstream, match="claims 65535 x 65 "):
        seeded.open(hostile(seeded, b"", width=65535, height=65))
    with pytest.raises(ImageError, match="at most"):
        seeded.analyse(np.zeros((65, 65535, 3), np.uint8))
