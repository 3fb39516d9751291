"""What every codec promises, checked for each one with a model that needs no weights and with the shipped one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffdemo.codecs.base import Codec, Decoder, Preset, Target
from diffdemo.codecs.diffc import DiffC
from diffdemo.coding.container import read_bitstream
from diffdemo.errors import BitstreamError, ModelMismatch, RateError, TruncatedBitstream
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics import psnr_db
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.registry import DEFAULT_MODEL, model_spec
from tests.gaussian import GaussianDenoiser


def diffc_gaussian() -> DiffC:
    return DiffC(GaussianDenoiser(0.3), fingerprint=b"test")


def diffc_photo() -> DiffC:
    denoiser = PhotoDenoiser.load(model_spec(DEFAULT_MODEL).path, device=torch.device("cpu"))
    return DiffC(denoiser, fingerprint=bytes.fromhex(denoiser.sha256[:8]))


CODECS = {"diffc-gaussian": diffc_gaussian, "diffc-photo-small": diffc_photo}


@pytest.fixture(scope="module", params=list(CODECS))
def codec(request: pytest.FixtureRequest) -> Codec:
    return CODECS[request.param]()


@pytest.fixture(scope="module")
def picture() -> Pixels:
    """40 x 56, smooth with an edge and some noise: an odd size, and small enough to decode many times."""
    y, x = np.mgrid[0:40, 0:56]
    pixels = np.stack([x * 4, y * 6, 220 - x - y], axis=2).astype(np.float64)
    pixels[10:25, 20:40] *= 0.3
    pixels += np.random.default_rng(0).normal(0, 6, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(codec: Codec, picture: Pixels) -> bytes:
    return codec.encode(picture, Target(num_bytes=700), preset=Preset.FAST, seed=5)


def last(codec: Codec, data: bytes, decoder: Decoder = Decoder.MEAN, *, realism: float = 1.0, seed: int = 0) -> Pixels:
    return to_pixels(list(codec.decode(data, decoder=decoder, realism=realism, seed=seed))[-1].image)


def test_more_bytes_are_a_better_picture(codec, picture):
    qualities = [
        psnr_db(picture, last(codec, codec.encode(picture, Target(num_bytes=n), preset=Preset.FAST, seed=0)))
        for n in (150, 400, 1200)
    ]
    assert qualities == sorted(qualities)
    assert qualities[2] - qualities[0] > 2


def test_same_input_same_bytes(codec, picture, data):
    assert codec.encode(picture, Target(num_bytes=700), preset=Preset.FAST, seed=5) == data
    assert codec.encode(picture, Target(num_bytes=700), preset=Preset.FAST, seed=6) != data


def test_target_is_never_exceeded_and_nearly_used(codec, picture):
    for target in (60, 97, 333, 1000):
        size = len(codec.encode(picture, Target(num_bytes=target), preset=Preset.FAST, seed=1))
        assert target - 8 <= size <= target


def test_a_target_below_any_file_is_refused_in_words(codec, picture):
    with pytest.raises(RateError, match="too few"):
        codec.encode(picture, Target(num_bytes=12), preset=Preset.FAST, seed=0)


def test_quality_target_is_reached_with_few_bytes_more_than_needed(codec, picture):
    target = 24.0
    file = codec.encode(picture, Target(psnr_db=target), preset=Preset.FAST, seed=0)
    assert target <= psnr_db(picture, last(codec, file)) < target + 1.5


def test_the_whole_file_yields_a_growing_sequence(codec, picture, data):
    sequence = list(codec.decode(data, decoder=Decoder.MEAN, realism=1, seed=0))
    assert [r.step for r in sequence] == list(range(1, len(sequence) + 1))
    assert {r.num_steps for r in sequence} == {len(sequence)}
    sizes = [r.num_bytes for r in sequence]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(data)
    assert all(r.image.shape == (1, 3, 40, 56) for r in sequence)
    assert psnr_db(picture, to_pixels(sequence[-1].image)) > psnr_db(picture, to_pixels(sequence[0].image)) + 2


@pytest.mark.parametrize("decoder", list(Decoder))
def test_every_decoder_decodes_every_tenth_prefix(codec, data, decoder):
    header = read_bitstream(data).header_bytes
    for size in (*range(header, len(data), max(1, len(data) // 10)), len(data) - 1):
        image = list(codec.decode(data[:size], decoder=decoder, realism=0.5, seed=3))[-1].image
        assert image.shape == (1, 3, 40, 56)
        assert torch.isfinite(image).all()


def test_no_prefix_of_the_header_decodes(codec, data):
    for size in range(read_bitstream(data).header_bytes):
        with pytest.raises(TruncatedBitstream):
            list(codec.decode(data[:size], decoder=Decoder.MEAN, realism=1, seed=0))


def test_quality_does_not_fall_when_bytes_are_added(codec, picture, data):
    header = read_bitstream(data).header_bytes
    sizes = range(header + 20, len(data), 12)
    qualities = [psnr_db(picture, last(codec, data[:size])) for size in sizes]
    falls = [a - b for a, b in pairwise(qualities)]
    assert max(falls) < 0.6
    assert qualities[-1] > qualities[0] + 2


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 40), (37, 1), (7, 5), (33, 65)])
def test_any_size(codec, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    file = codec.encode(pixels, Target(num_bytes=260), preset=Preset.FAST, seed=0)
    assert len(file) <= 260
    assert last(codec, file).shape == pixels.shape


def test_a_single_pixel_comes_back_exactly_enough(codec):
    pixels = np.array([[[200, 30, 90]]], np.uint8)
    file = codec.encode(pixels, Target(num_bytes=200), preset=Preset.FAST, seed=0)
    assert len(file) < 60
    assert np.abs(last(codec, file).astype(int) - pixels).max() <= 12


@pytest.mark.parametrize("value", [0, 127, 255])
def test_flat_pictures_take_next_to_nothing(value):
    pixels = np.full((48, 48, 3), value, np.uint8)
    codec = diffc_photo()
    file = codec.encode(pixels, Target(psnr_db=35), preset=Preset.FAST, seed=0)
    assert len(file) < 600
    assert psnr_db(pixels, last(codec, file)) >= 35


def test_flipped_payload_bits_are_a_picture_and_known(codec, picture, data):
    header = read_bitstream(data).header_bytes
    for position in range(header, len(data), 61):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        assert read_bitstream(bytes(damaged)).is_damaged
        assert last(codec, bytes(damaged)).shape == picture.shape


def test_random_payloads_behind_a_good_header_are_pictures(codec, data):
    header = data[: read_bitstream(data).header_bytes]
    for seed in range(3):
        noise = np.random.default_rng(seed).bytes(300)
        assert last(codec, header + noise).shape == (40, 56, 3)


def test_other_weights_are_refused_by_name(codec, data):
    other = DiffC(GaussianDenoiser(0.3), fingerprint=b"\x00\x01\x02\x03")
    with pytest.raises(ModelMismatch, match="00010203"):
        list(other.decode(data))


def test_random_bytes_raise_nothing_else(codec):
    random = np.random.default_rng(7)
    for _ in range(200):
        with pytest.raises(BitstreamError):
            list(codec.decode(random.bytes(int(random.integers(0, 60))), decoder=Decoder.MEAN, realism=1, seed=0))


def test_ancestral_seed_and_flow_realism_change_the_picture_but_not_the_bits(codec, data):
    cut = data[:200]
    first, second = last(codec, cut, Decoder.ANCESTRAL, seed=1), last(codec, cut, Decoder.ANCESTRAL, seed=2)
    assert np.array_equal(first, last(codec, cut, Decoder.ANCESTRAL, seed=1))
    assert not np.array_equal(first, second)
    assert not np.array_equal(last(codec, cut, Decoder.FLOW, realism=1), last(codec, cut, Decoder.FLOW, realism=0.3))
    assert np.array_equal(last(codec, cut, Decoder.FLOW, realism=0), last(codec, cut, Decoder.MEAN))


def test_seed_is_checked(codec, picture):
    with pytest.raises(RateError, match="seed"):
        codec.encode(picture, Target(num_bytes=200), preset=Preset.FAST, seed=-1)


def test_infinite_noise_is_never_yielded(codec, data):
    assert all(math.isfinite(r.sigma) for r in codec.decode(data, decoder=Decoder.MEAN, realism=1, seed=0))
