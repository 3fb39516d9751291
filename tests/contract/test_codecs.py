"""What every codec promises, checked for each one with a model that needs no weights and with the shipped one."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from diffdemo.codecs.base import Codec
from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.cod import CodLite
from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.records import Preset, Target, Working
from diffdemo.codecs.registry import CODECS as REGISTERED
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.coding.container import read_bitstream
from diffdemo.engine.store import load_codec
from diffdemo.errors import BitstreamError, ModelMismatch, RateError, TruncatedBitstream
from diffdemo.images import Pixels, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.cdc.model import CdcModel, CdcNetwork, CdcShape, Family
from diffdemo.models.registry import FROM_HUB, SHIPPED, default_model, model_spec
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser
from tests.latent_space import BlockMeans
from tests.released_cod import formula_model, tiny_shape


def diffc_gaussian(fingerprint: bytes = b"test") -> DiffC:
    return DiffC(PixelSpace(GaussianDenoiser(0.3)), fingerprint=fingerprint)


def diffc_latent(fingerprint: bytes = b"test") -> DiffC:
    return DiffC(BlockMeans(2), fingerprint=fingerprint)


def cdc_epsilon(fingerprint: bytes = b"test") -> Cdc:
    """The family that is not shipped, with random weights: what it decodes to is noise, but decode it must."""
    torch.manual_seed(2)
    network = CdcNetwork(CdcShape(Family.EPSILON, 8))
    with torch.no_grad():
        network.compressor.encoder[-1][-1].weight.mul_(40)
    model = CdcModel(network, sha256="0" * 64, device=torch.device("cpu"))
    return Cdc(model, fingerprint=fingerprint)


def cod_lite(fingerprint: bytes = b"test") -> CodLite:
    """Weights from a formula: one rate, and noise."""
    return CodLite(formula_model(tiny_shape()), fingerprint=fingerprint)


def shipped(codec: str) -> Codec:
    return load_codec(model_spec(default_model(codec)), torch.device("cpu"))


CODECS = {
    "diffc-gaussian": diffc_gaussian,
    "diffc-latent": diffc_latent,
    "diffc-shipped": lambda: shipped("diffc"),
    "cdc-epsilon": cdc_epsilon,
    "cdc-shipped": lambda: shipped("cdc"),
    "cod-lite": cod_lite,
}


@pytest.fixture(scope="module", params=list(CODECS))
def codec(request: pytest.FixtureRequest) -> Codec:
    return CODECS[request.param]()


@pytest.fixture
def trained(codec: Codec) -> Codec:
    """Only those codecs whose pictures mean something."""
    if codec.fingerprint == b"test" and not isinstance(codec, DiffC):
        pytest.skip("random weights")
    return codec


@pytest.fixture
def embedded(codec: Codec) -> Codec:
    """Only those whose every prefix is a file."""
    if not codec.is_embedded:
        pytest.skip("not embedded")
    return codec


@pytest.fixture
def whole(codec: Codec) -> Codec:
    """Only those that need the whole file."""
    if codec.is_embedded:
        pytest.skip("embedded")
    return codec


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
    return codec.encode(picture, Target(num_bytes=500), preset=Preset.FAST, seed=5)


def is_quick(codec: Codec) -> bool:
    """Whether its model is one of those that need no weights."""
    return codec.fingerprint == b"test"


def last(codec: Codec, data: bytes, decoder: Decoder | None = None, **numbers: float) -> Pixels:
    *_, end = codec.decode(data, Rendering(decoder=decoder, **{"steps": 2, **numbers}))
    return to_pixels(end.image)


def test_more_bytes_are_a_better_picture(trained, picture):
    qualities = [
        psnr_db(picture, last(trained, trained.encode(picture, Target(num_bytes=n), preset=Preset.FAST, seed=0)))
        for n in (120, 300, 700)
    ]
    assert qualities == sorted(qualities)
    assert qualities[2] - qualities[0] > 2


def test_same_input_same_bytes(codec, picture, data):
    assert codec.encode(picture, Target(num_bytes=500), preset=Preset.FAST, seed=5) == data


def test_target_is_never_exceeded(codec, picture):
    for target in (97, 333, 1000):
        assert len(codec.encode(picture, Target(num_bytes=target), preset=Preset.FAST, seed=1)) <= target


def test_target_of_an_embedded_file_is_used_up(embedded, picture):
    for target in (60, 97, 333, 1000):
        assert len(embedded.encode(picture, Target(num_bytes=target), preset=Preset.FAST, seed=1)) >= target - 8


def test_target_of_a_whole_file_is_nearly_used_up(whole, picture):
    if whole.is_one_rate:
        pytest.skip("one rate")
    for target in (200, 333, 450):
        assert len(whole.encode(picture, Target(num_bytes=target), preset=Preset.FAST, seed=1)) >= 0.95 * target - 8


def test_a_target_below_any_file_is_refused_in_words(codec, picture):
    with pytest.raises(RateError, match="too few"):
        codec.encode(picture, Target(num_bytes=12), preset=Preset.FAST, seed=0)


def test_quality_target_is_reached_with_few_bytes_more_than_needed(trained, picture):
    target = 22.0
    file = trained.encode(picture, Target(psnr_db=target), preset=Preset.FAST, seed=0)
    reached = psnr_db(picture, last(trained, file, steps=1))
    assert reached >= target
    if trained.is_embedded:
        # Steps of a file this small are far apart; it ends with the first that is good enough.
        shorter = [r for r in trained.decode(file, Rendering(steps=1)) if r.num_bytes < len(file)]
        assert shorter
        assert max(psnr_db(picture, to_pixels(r.image)) for r in shorter) < target
    else:
        assert reached < target + 1.5


def test_the_whole_file_yields_a_growing_sequence(codec, data):
    sequence = list(codec.decode(data, Rendering(steps=5)))
    assert [r.step for r in sequence] == list(range(1, len(sequence) + 1))
    assert {r.num_steps for r in sequence} == {len(sequence)}
    sizes = [r.num_bytes for r in sequence]
    assert sizes == sorted(sizes)
    assert sizes[-1] == len(data)
    assert all(r.image.shape == (1, 3, 40, 56) for r in sequence)


def test_more_of_a_file_is_a_better_picture(embedded, picture, data):
    sequence = [psnr_db(picture, to_pixels(r.image)) for r in embedded.decode(data, Rendering())]
    assert sequence[-1] > sequence[0] + 2


def test_a_whole_file_rests_on_all_its_bytes_from_the_first_step(whole, data):
    assert {r.num_bytes for r in whole.decode(data, Rendering(steps=3))} == {len(data)}


@pytest.mark.parametrize("decoder", list(Decoder))
def test_every_decoder_decodes_or_says_which_would(codec, data, decoder):
    if decoder in codec.decoders:
        assert last(codec, data, decoder).shape == (40, 56, 3)
    else:
        with pytest.raises(RateError, match=codec.decoders[0]):
            last(codec, data, decoder)


def test_every_decoder_decodes_prefixes_of_all_lengths(embedded, data):
    header = read_bitstream(data).header_bytes
    for decoder in embedded.decoders:
        for size in (*range(header, len(data), len(data) // (40 if is_quick(embedded) else 4)), len(data) - 1):
            *_, end = embedded.decode(data[:size], Rendering(decoder, realism=0.5, seed=3))
            assert end.image.shape == (1, 3, 40, 56)
            assert torch.isfinite(end.image).all()


def test_how_far_one_step_is_grows_and_something_to_look_at_comes_last(codec, picture, data):
    encoding = codec.encode_progressively(picture, Target(num_bytes=500), preset=Preset.FAST)
    for moments in ([*encoding], [*codec.coded(data).frames(Rendering(steps=2))]):
        told = [moment for moment in moments if isinstance(moment, Working)]
        assert not isinstance(moments[-1], Working)
        assert all(0 < moment.done <= moment.total == told[0].total for moment in told)
        assert all(before.done <= after.done for before, after in pairwise(told))
        assert bool(told) == codec.is_one_rate, "the one whose step takes seconds"


@pytest.mark.parametrize("name", list(REGISTERED))
def test_where_each_model_has_one_rate_they_say_which(name):
    rates = [spec.rate for spec in (*SHIPPED, *FROM_HUB) if spec.codec == name]
    if REGISTERED[name].is_one_rate:
        assert None not in rates
        assert len(set(rates)) == len(rates)
        assert min(rates) <= REGISTERED[name].rates.usual <= max(rates) <= REGISTERED[name].rates.most
    else:
        assert set(rates) == {None}


def test_no_prefix_of_a_whole_file_decodes(whole, data):
    for size in range(0, len(data), 7):
        with pytest.raises(TruncatedBitstream):
            list(whole.decode(data[:size], Rendering(steps=1)))


def test_the_size_of_a_picture_is_known_before_it_is_decoded(codec, data):
    assert codec.coded(data).size == (56, 40)


def test_files_of_other_programs_are_pictures_or_refused(codec, picture):
    for file_format in codec.foreign_formats:
        codec.require_foreign(file_format)
        file = codec.encode_foreign(picture, file_format)
        coded = codec.coded_foreign(file, file_format)
        width, height = coded.size
        assert (coded.num_bytes, width >= 56, height >= 40) == (len(file), True, True)
        *_, end = coded.frames(Rendering())
        assert end.image.shape == (1, 3, height, width)
        assert coded.work(Rendering()).pixels >= width * height
        with pytest.raises(BitstreamError):
            codec.coded_foreign(file[:-1], file_format)
    with pytest.raises(RateError, match=f"{codec.label} has no file format 'nonesuch'"):
        codec.require_foreign("nonesuch")


def test_no_prefix_of_the_header_decodes(codec, data):
    for size in range(read_bitstream(data).header_bytes):
        with pytest.raises(TruncatedBitstream):
            list(codec.decode(data[:size], Rendering()))


def test_quality_does_not_fall_when_bytes_are_added(embedded, picture, data):
    header = read_bitstream(data).header_bytes
    sizes = range(header + 20, len(data), 12 if is_quick(embedded) else 40)
    qualities = [psnr_db(picture, last(embedded, data[:size])) for size in sizes]
    falls = [a - b for a, b in pairwise(qualities)]
    assert max(falls) < 0.6
    assert qualities[-1] > qualities[0] + 2


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 40), (37, 1), (7, 5), (33, 65)])
def test_any_size(codec, size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    file = codec.encode(pixels, Target(num_bytes=260), preset=Preset.FAST, seed=0)
    assert len(file) <= 260
    assert last(codec, file).shape == pixels.shape


def test_a_single_saturated_pixel_comes_back_in_its_colour(trained):
    pixels = np.array([[[200, 30, 90]]], np.uint8)
    file = trained.encode(pixels, Target(num_bytes=200), preset=Preset.FAST, seed=0)
    if trained.is_embedded:
        assert len(file) < 60
    assert np.abs(last(trained, file).astype(int) - pixels).max() <= (12 if trained.is_embedded else 36)


@pytest.mark.parametrize("value", [0, 127, 255])
def test_flat_pictures_take_next_to_nothing(value):
    pixels = np.full((48, 48, 3), value, np.uint8)
    codec = shipped("diffc")
    file = codec.encode(pixels, Target(psnr_db=35), preset=Preset.FAST, seed=0)
    assert len(file) < 600
    assert psnr_db(pixels, last(codec, file)) >= 35


def test_flipped_payload_bits_are_known(codec, data):
    header = read_bitstream(data).header_bytes
    for position in range(header, len(data), 61):
        damaged = bytearray(data)
        damaged[position] ^= 1 << (position % 8)
        assert read_bitstream(bytes(damaged)).is_damaged
        if codec.is_embedded:
            assert last(codec, bytes(damaged)).shape == (40, 56, 3)
        else:
            with pytest.raises(BitstreamError, match="damaged"):
                last(codec, bytes(damaged))


def test_random_payloads_behind_a_good_header_are_pictures_or_refused(codec, data):
    header = data[: read_bitstream(data).header_bytes]
    for seed in range(3):
        noise = np.random.default_rng(seed).bytes(len(data))
        if codec.is_embedded:
            assert last(codec, header + noise).shape == (40, 56, 3)
        else:
            with pytest.raises(BitstreamError):
                last(codec, header + noise)


@pytest.mark.parametrize("make", [diffc_gaussian, cdc_epsilon, cod_lite])
def test_other_weights_are_refused_by_name(make, picture):
    file = make().encode(picture, Target(num_bytes=500), preset=Preset.FAST, seed=0)
    with pytest.raises(ModelMismatch, match="00010203"):
        list(make(b"\x00\x01\x02\x03").decode(file, Rendering()))


def test_random_bytes_raise_nothing_else(codec):
    random = np.random.default_rng(7)
    for _ in range(200):
        with pytest.raises(BitstreamError):
            list(codec.decode(random.bytes(int(random.integers(0, 60))), Rendering()))


def test_ancestral_seed_and_flow_realism_change_the_picture_but_not_the_bits(codec, data):
    if Decoder.FLOW not in codec.decoders:
        pytest.skip("decoders of DiffC")
    cut = data[:200]
    first, second = last(codec, cut, Decoder.ANCESTRAL, seed=1), last(codec, cut, Decoder.ANCESTRAL, seed=2)
    assert np.array_equal(first, last(codec, cut, Decoder.ANCESTRAL, seed=1))
    assert not np.array_equal(first, second)
    assert not np.array_equal(last(codec, cut, Decoder.FLOW, realism=1), last(codec, cut, Decoder.FLOW, realism=0.3))
    assert np.array_equal(last(codec, cut, Decoder.FLOW, realism=0), last(codec, cut, Decoder.MEAN))


def test_gamma_eta_and_seed_change_the_picture_but_not_the_bits(codec, data):
    if Decoder.STOCHASTIC not in codec.decoders:
        pytest.skip("decoders of CDC")
    draw = {"decoder": Decoder.STOCHASTIC, "steps": 3}
    first = last(codec, data, gamma=0.8, seed=1, **draw)
    assert np.array_equal(first, last(codec, data, gamma=0.8, seed=1, **draw))
    assert not np.array_equal(first, last(codec, data, gamma=0.8, seed=2, **draw))
    assert not np.array_equal(first, last(codec, data, gamma=0.4, seed=1, **draw))
    assert not np.array_equal(first, last(codec, data, gamma=0.8, eta=1, seed=1, **draw))
    assert np.array_equal(last(codec, data, gamma=0, **draw), last(codec, data, Decoder.DETERMINISTIC, steps=3))


def test_seed_is_checked(embedded, picture):
    with pytest.raises(RateError, match="seed"):
        embedded.encode(picture, Target(num_bytes=200), preset=Preset.FAST, seed=-1)


def test_seed_changes_the_bits_of_an_embedded_file(embedded, picture, data):
    assert embedded.encode(picture, Target(num_bytes=500), preset=Preset.FAST, seed=6) != data


def test_infinite_noise_is_never_yielded(codec, data):
    assert all(math.isfinite(r.sigma) for r in codec.decode(data, Rendering(steps=2)))


@pytest.mark.parametrize("numbers", [{"realism": 2}, {"gamma": -1}, {"eta": 1.5}, {"steps": 0}, {"steps": 10**9}])
def test_numbers_out_of_range_are_refused_in_words(numbers):
    with pytest.raises(RateError, match="must lie between"):
        Rendering(**numbers)
