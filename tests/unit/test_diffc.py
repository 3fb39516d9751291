"""DiffC's own promises: rate against the ideal, unbiased states, drift, resuming, and a file that may never change."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_payload import MAX_STEPS
from diffdemo.codecs.diffc_plan import EFFORTS
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.coding.container import write_bitstream
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.views import MAX_VIEWS
from diffdemo.errors import CorruptBitstream, ImageError, RateError
from diffdemo.images import Pixels, to_image, to_pixels
from diffdemo.measure.bench.ideal import ideal_chain
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser

GOLDEN_FILE = (
    "444946440131746573740604090108249b21620500330b29c7fa4f9d57fdd91af8319596866b8d04696784ae06be80905f125d89963ae340"
)
GOLDEN_PIXELS = [
    [20, 31, 166],
    [62, 31, 184],
    [81, 42, 168],
    [110, 15, 141],
    [193, 17, 114],
    [187, 32, 112],
    [12, 96, 179],
    [51, 62, 175],
    [94, 72, 164],
    [143, 83, 145],
    [191, 56, 125],
    [217, 83, 123],
    [39, 118, 171],
    [72, 139, 170],
    [91, 147, 159],
    [141, 157, 146],
    [200, 139, 123],
    [215, 149, 130],
    [41, 206, 197],
    [43, 212, 154],
    [89, 204, 165],
    [133, 192, 161],
    [199, 201, 109],
    [213, 168, 90],
]


def gaussian_picture(height: int, width: int, variance: float, seed: int) -> Pixels:
    return to_pixels(math.sqrt(variance) * white_noise((1, 3, height, width), seed, stream=1))


@pytest.fixture(scope="module")
def codec() -> DiffC:
    return DiffC(PixelSpace(GaussianDenoiser(0.1)), fingerprint=b"test")


@pytest.mark.parametrize(
    ("preset", "most"), [(Preset.BALANCED, 1.12), pytest.param(Preset.BEST, 1.08, marks=pytest.mark.slow)]
)
def test_file_is_little_longer_than_ideal(codec, preset, most):
    """The issue's bound, on a source where the denoiser is exact, header and side information counted: 20,800 bits."""
    pixels = gaussian_picture(96, 96, 0.1, 3)
    progress = list(codec.encode_progressively(pixels, Target(num_bytes=2600), preset=preset))[-1]
    ideal, _ = ideal_chain(codec.space.denoiser(), to_image(pixels), progress.picture.state.sigma)
    assert 8 * len(progress.data) / ideal < most


def test_states_are_unbiased_all_the_way(codec):
    """z = x + sigma n at every step: regression on x has slope one, the residual has variance one."""
    pixels = gaussian_picture(96, 96, 0.1, 4)
    x = to_image(pixels)
    for progress in codec.encode_progressively(pixels, Target(num_bytes=5000), preset=Preset.BALANCED):
        state = progress.picture.state
        residual = (state.z - x) / state.sigma
        slope = float((state.z * x).sum() / x.square().sum())
        assert abs(slope - 1) < 0.01 + 4 * state.sigma / float(x.norm())
        assert 0.97 < float(residual.var()) < 1.03
    assert progress.picture.state.sigma < 0.5


def test_encoder_and_decoder_hold_the_same_state(codec):
    pixels = gaussian_picture(40, 50, 0.1, 5)
    progress = list(codec.encode_progressively(pixels, Target(num_bytes=900), preset=Preset.FAST))[-1]
    state = list(codec.coded(progress.data).states())[-1]
    assert torch.equal(state.z, progress.picture.state.z)
    assert state.num_bytes == len(progress.data)


def test_every_moment_of_an_encode_is_a_whole_file(codec):
    pixels = gaussian_picture(40, 50, 0.1, 5)
    for progress in codec.encode_progressively(pixels, Target(num_bytes=900), preset=Preset.FAST):
        file = codec.open(progress.data)
        assert not file.bitstream.is_cut
        assert not file.bitstream.is_damaged
        assert torch.equal(list(codec.coded(progress.data).states())[-1].z, progress.picture.state.z)


def test_a_decode_can_go_on_from_any_state(codec):
    data = codec.encode(gaussian_picture(40, 50, 0.1, 5), Target(num_bytes=900), preset=Preset.FAST)
    coded = codec.coded(data)
    states = list(coded.states())
    resumed = list(coded.states(states[2]))
    assert [s.number for s in resumed] == [s.number for s in states[3:]]
    assert torch.equal(resumed[-1].z, states[-1].z)


class Perturbed:
    """The same denoiser on a machine that rounds differently."""

    def __init__(self, deviation: float) -> None:
        self.inner = GaussianDenoiser(0.1)
        self.sigma_min = self.inner.sigma_min
        self.deviation = deviation
        self.generator = torch.Generator().manual_seed(1)

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        return self.inner.denoise(z, sigma) + self.deviation * torch.randn(z.shape, generator=self.generator)


@pytest.mark.parametrize(("deviation", "loss"), [(1e-4, 0.002), (1e-3, 0.01), (1e-2, 0.2)])
def test_a_decoder_that_rounds_differently_drifts_gently(codec, deviation, loss):
    pixels = gaussian_picture(64, 64, 0.1, 6)
    data = codec.encode(pixels, Target(num_bytes=3000))
    exact = to_pixels(list(codec.decode(data))[-1].image)
    other = DiffC(PixelSpace(Perturbed(deviation)), fingerprint=b"test")
    drifted = to_pixels(list(other.decode(data))[-1].image)
    assert psnr_db(pixels, exact) - psnr_db(pixels, drifted) < loss


def test_flow_beats_ancestral_and_mean_beats_both(codec):
    pixels = gaussian_picture(64, 64, 0.1, 7)
    data = codec.encode(pixels, Target(num_bytes=2500))
    quality = {d: psnr_db(pixels, to_pixels(list(codec.decode(data, Rendering(d)))[-1].image)) for d in codec.decoders}
    assert quality[Decoder.MEAN] > quality[Decoder.FLOW] + 0.05
    assert quality[Decoder.FLOW] > quality[Decoder.ANCESTRAL] + 2


@pytest.mark.parametrize("most_views", [1, MAX_VIEWS])
def test_presets_differ_in_evaluations_as_they_say(most_views):
    codec = DiffC(PixelSpace(GaussianDenoiser(0.1), most_views=most_views), fingerprint=b"test")
    pixels = gaussian_picture(64, 64, 0.1, 8)
    for preset in (Preset.FAST, Preset.BALANCED):
        file = codec.open(codec.encode(pixels, Target(num_bytes=3000), preset=preset))
        views, steps = EFFORTS[preset].evaluations(most_views)
        assert file.head.views == views
        assert 0.8 < len(file.steps()) / steps < 1.25


def hostile(codec: DiffC, **changes: object) -> bytes:
    fields: dict = {
        "codec_id": 1,
        "fingerprint": b"test",
        "width": 64,
        "height": 64,
        "parameters": (0, 1, 50),
        "payload": b"\x55" * 100,
    }
    return write_bitstream(**{**fields, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 65535, "height": 65535, "version": 2, "parameters": (0, 4, 50)},
        {"version": 2},
        {"parameters": (0, 4, 50)},
        {"version": 2, "parameters": (0, 7, 50)},
        {"version": 2, "parameters": (0, 4, 0)},
        {"version": 2, "parameters": (1 << 32, 4, 50)},
        {"width": 65535, "height": 65535},
        {"codec_id": 9},
        {"parameters": (0, 1)},
        {"parameters": (0, 7, 50)},
        {"parameters": (0, 1, 1 << 30)},
        {"parameters": (0, 1, 0)},
        {"parameters": (1 << 32, 1, 50)},
        {"parameters": ((1 << 35) - 1, 1, 50)},
    ],
)
def test_absurd_headers_are_refused(codec, changes):
    with pytest.raises(CorruptBitstream):
        codec.open(hostile(codec, **changes))


def test_a_payload_made_to_take_long_is_bounded(codec):
    """The smallest steps that a header can ask for, each one level down: the walk still ends."""
    for version, tree in ((1, 1), (2, 4)):
        data = hostile(codec, parameters=(0, tree, 1), payload=b"\xff" * 100_000, version=version)
        assert len(codec.open(data).steps()) <= MAX_STEPS


def test_golden_file_decodes_to_the_recorded_pixels(codec):
    """Files of this format stay readable: this one was written when the format was fixed."""
    pixels = to_pixels(list(codec.decode(bytes.fromhex(GOLDEN_FILE)))[-1].image)
    assert pixels.shape == (4, 6, 3)
    assert np.abs(pixels.reshape(-1, 3).astype(int) - np.array(GOLDEN_PIXELS)).max() <= 1


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8])
def test_a_tiny_picture_never_takes_more_than_it_may(engine, side):
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), np.uint8)
    sizes = []
    for num_bytes in range(24, 90, 3):
        try:
            *_, last = engine.encode(pixels, num_bytes=num_bytes, preset="fast")
        except RateError as error:
            assert "Please allow at least" in str(error)
            continue
        assert len(last.data) <= num_bytes
        sizes.append(len(last.data))
    assert sizes


@pytest.mark.parametrize("keeps_state", [False, True])
@pytest.mark.parametrize("at", [0, 3])
def test_an_encode_that_was_stopped_goes_on_to_the_same_file(codec, at, keeps_state):
    pixels, target = gaussian_picture(40, 56, 0.1, 3), Target(num_bytes=600)
    whole = list(codec.encode_progressively(pixels, target, preset=Preset.FAST, seed=5))
    stopped = whole[at]
    resumed = list(codec.resume(pixels, target, stopped.data, stopped.picture.state if keeps_state else None))
    replayed = 0 if keeps_state else at + 1
    assert [each.data for each in resumed[:replayed]] == [stopped.data] * replayed
    assert [each.picture.step for each in resumed] == [*range(at + 2 - replayed, len(whole) + 1)]
    assert [each.done for each in resumed] == [False] * (len(resumed) - 1) + [True]
    assert resumed[-1].data == whole[-1].data


def test_a_finished_file_grows_from_its_last_whole_step(codec):
    pixels = gaussian_picture(40, 56, 0.1, 3)
    data = codec.encode(pixels, Target(num_bytes=300), preset=Preset.FAST)
    *_, longer = codec.resume(pixels, Target(num_bytes=700), data)
    assert 600 < len(longer.data) <= 700
    finer, coarser = (psnr_db(pixels, to_pixels(list(codec.decode(each))[-1].image)) for each in (longer.data, data))
    assert finer > coarser + 1


def test_what_cannot_be_gone_on_with_is_told(codec):
    pixels = gaussian_picture(40, 56, 0.1, 3)
    data = codec.encode(pixels, Target(num_bytes=300), preset=Preset.FAST)
    with pytest.raises(ImageError, match="holds 56 x 40 pixels"):
        next(codec.resume(pixels[:39], Target(num_bytes=700), data))
    old = bytes.fromhex(GOLDEN_FILE)
    *_, frame = codec.decode(old)
    with pytest.raises(RateError, match="earlier version"):
        next(codec.resume(to_pixels(frame.image), Target(num_bytes=700), old))
    *_, last = codec.resume(pixels, Target(num_bytes=len(data) - 100), data)
    assert last.done, "where there is no room for more, what there is has to do"
