"""Several views of one picture: what their mean is, and how a file says how many there were."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import read_file
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.coding.container import write_bitstream
from diffdemo.diffusion.views import MAX_VIEWS, Views
from diffdemo.errors import CorruptBitstream
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser

VARIANCE = 0.1
ERROR = 0.15


class Lopsided:
    """The exact denoiser, but for an error that hangs on places in the picture."""

    sigma_min = GaussianDenoiser.sigma_min

    def __init__(self) -> None:
        self.inner = GaussianDenoiser(VARIANCE)
        self.calls = 0

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        self.calls += len(z)
        error = ERROR * torch.randn(z.shape[1:], generator=torch.Generator().manual_seed(7))
        return self.inner.denoise(z, sigma) + error


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    values = torch.randn((40, 56, 3), generator=torch.Generator().manual_seed(1)) * VARIANCE**0.5
    return ((values.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()


def codec(*, most_views: int = MAX_VIEWS) -> DiffC:
    return DiffC(PixelSpace(Lopsided(), most_views=most_views), fingerprint=b"test")


@pytest.mark.parametrize("count", range(1, MAX_VIEWS + 1))
def test_what_hangs_on_places_averages_out(count):
    z = torch.randn((1, 3, 48, 32), generator=torch.Generator().manual_seed(2))
    exact, flawed = GaussianDenoiser(VARIANCE), Lopsided()
    seen = Views(flawed, count).denoise(z, 0.3)
    error = float((seen - exact.denoise(z, 0.3)).square().mean())
    assert flawed.calls == count
    assert error == pytest.approx(ERROR**2 / count, rel=0.1)


def test_views_of_a_denoiser_without_directions_change_nothing():
    z = torch.randn((1, 3, 17, 5), generator=torch.Generator().manual_seed(3))
    exact = GaussianDenoiser(VARIANCE)
    assert torch.allclose(Views(exact, MAX_VIEWS).denoise(z, 0.5), exact.denoise(z, 0.5), atol=1e-6)


@pytest.mark.parametrize(("preset", "views"), [(Preset.FAST, 1), (Preset.BALANCED, 2), (Preset.BEST, 4)])
def test_a_file_says_how_many_and_decodes_by_them(pixels, preset, views):
    *_, made = codec().encode_progressively(pixels, Target(num_bytes=300), preset=preset)
    file = read_file(made.data)
    assert file.head.views == views
    assert len(made.data) <= 300
    reader = codec()
    assert torch.equal(list(reader.coded(made.data).states())[-1].x_hat, made.picture.state.x_hat)
    for decoder in (Decoder.FLOW, Decoder.ANCESTRAL):
        list(reader.decode(made.data, Rendering(decoder)))
    assert reader.space.denoiser().calls % views == 0


def test_more_views_reach_less_noise_with_as_many_bytes(pixels):
    """Two views halve the error of the flawed denoiser, so the same bits lead further."""
    levels = {}
    for most in (1, 2):
        *_, made = codec(most_views=most).encode_progressively(pixels, Target(num_bytes=900))
        levels[most] = made.picture.state.sigma
    assert levels[2] < 0.95 * levels[1]


def test_a_model_that_knows_one_view_writes_files_as_before(pixels):
    made = codec(most_views=1).encode(pixels, Target(num_bytes=300), preset=Preset.BEST)
    assert len(read_file(made).bitstream.header.parameters) == 3


def test_views_that_the_model_does_not_know_are_refused(pixels):
    made = codec().encode(pixels, Target(num_bytes=300))
    with pytest.raises(CorruptBitstream, match="views"):
        codec(most_views=1).open(made)


@pytest.mark.parametrize("views", [0, MAX_VIEWS + 1, 200])
def test_views_that_nobody_writes_are_refused(views):
    for version, tree in ((1, 1), (2, 4)):
        fields = {"codec_id": 1, "fingerprint": b"test", "width": 8, "height": 8, "payload": bytes(20)}
        with pytest.raises(CorruptBitstream, match="settings"):
            read_file(write_bitstream(**fields, parameters=(0, tree, 40, views), version=version))
        assert read_file(write_bitstream(**fields, parameters=(0, tree, 40, 2), version=version)).head.views == 2
