"""A state seen at the resolution that its noise leaves: the same answer where it should be, and a better one else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.diffc_file import TREES, FileHead, read_file
from diffdemo.codecs.diffc_payload import PayloadWriter, level_of
from diffdemo.codecs.diffc_picture import evaluations_at
from diffdemo.codecs.rendering import Decoder, Rendering
from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.pyramid import Look, Pyramid, looks_at
from diffdemo.diffusion.views import MAX_VIEWS, Views
from diffdemo.models.space import PixelSpace
from tests.gaussian import GaussianDenoiser
from tests.golden import sources


class Average:
    """The mean of 5x5 pixels: a network of a small receptive field on smooth pictures."""

    sigma_min = 0.01

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[int, ...], float]] = []

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        self.asked += [(tuple(z.shape[2:]), sigma)] * len(z)
        return F.avg_pool2d(F.pad(z, (2, 2, 2, 2), mode="replicate"), 5, stride=1)


def smooth(height: int, width: int) -> Tensor:
    y, x = torch.meshgrid(torch.arange(height) / 64, torch.arange(width) / 64, indexing="ij")
    return torch.stack([torch.sin(x), torch.cos(y), x - y])[None].float()


@pytest.mark.parametrize("views", range(1, MAX_VIEWS + 1))
@pytest.mark.parametrize("sigma", [1.19, 0.3, 0.01])
def test_with_little_noise_it_is_the_denoiser_and_its_views(views, sigma):
    z = white_noise((1, 3, 13, 21), 1, stream=0)
    assert torch.equal(
        Pyramid(sources.Scene(), views).denoise(z, sigma), Views(sources.Scene(), views).denoise(z, sigma)
    )


@pytest.mark.parametrize("views", range(1, MAX_VIEWS + 1))
@pytest.mark.parametrize("sigma", [50.0, 5.0, 4.0, 2.0, 0.5])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 17), (64, 48), (33, 130)])
def test_constant_pictures_stay_what_they_are_at_any_size(views, sigma, size):
    z = torch.tensor([0.5, -1.0, 0.25]).view(1, 3, 1, 1).expand(1, 3, *size).contiguous()
    answer = Pyramid(Average(), views).denoise(z, sigma)
    assert answer.shape == z.shape
    assert torch.allclose(answer, z, atol=1e-5)


@pytest.mark.parametrize(("sigma", "gain"), [(8.0, 10.0), (4.0, 4.0), (2.0, 1.5)])
def test_smooth_pictures_are_seen_better(sigma, gain):
    """Averages of 4x4 pixels hold a sixteenth of the noise's variance, and the network sees as many of them."""
    x = smooth(96, 128)
    z = x + sigma * white_noise(tuple(x.shape), 2, stream=0)
    plain = float((Views(Average(), 2).denoise(z, sigma) - x).square().mean())
    seen = float((Pyramid(Average(), 2).denoise(z, sigma) - x).square().mean())
    assert seen < plain / gain


@pytest.mark.parametrize("views", range(1, MAX_VIEWS + 1))
@pytest.mark.parametrize("sigma", [9.0, 3.5, 1.5, 0.2])
def test_the_network_is_asked_at_the_sizes_and_noise_levels_of_the_looks(views, sigma):
    network = Average()
    Pyramid(network, views).denoise(torch.zeros(1, 3, 30, 41), sigma)
    looks = looks_at(sigma, views)
    assert network.asked == [((-(-30 // look.factor), -(-41 // look.factor)), sigma / look.factor) for look in looks]


def test_every_look_is_one_of_its_own_and_work_falls_with_the_noise():
    for views in range(1, MAX_VIEWS + 1):
        works = []
        for sigma in (20.0, 4.0, 2.0, 0.5):
            looks = looks_at(sigma, views)
            assert len(set(looks)) == len(looks)
            assert {look.view for look in looks} <= set(range(max(2, views)))
            works.append(sum(look.work for look in looks))
        assert works[-1] == views
        assert works[0] < works[1] < works[2]
    assert Look(4, 0).work == 1 / 16


def steps_at(sigmas: tuple[float, ...], version: int, side: int) -> bytes:
    """A file whose states have these noise levels, as no encoder would choose them."""
    head = FileHead(b"test", side, side, 0, TREES[version][1], 16, views=2, version=version)
    writer = PayloadWriter(head.rule)
    for sigma in sigmas:
        stages = writer.rule
        writer.begin_step(level_of(sigma), stages)
        writer.bits.symbols(np.zeros(stages, np.uint8))
    return head.to_file(writer.bits.to_bytes())


def codec(*, has_spectrum: bool) -> DiffC:
    table = sources.spectrum() if has_spectrum else None
    return DiffC(PixelSpace(GaussianDenoiser(0.1), most_views=MAX_VIEWS, spectrum=table), fingerprint=b"test")


def test_noisy_states_are_less_work_in_version_2_of_models_with_a_spectrum():
    """At a multiple of 128, where nothing is padded: a sixteenth, five sixteenths, one and a quarter, all."""
    sigmas, side = (20.0, 4.0, 2.0, 0.5), 256
    expected = {1: 8.0, 2: 2 * (1 / 16 + 5 / 16) + 1.25 + 2}
    for version, evaluations in expected.items():
        data = steps_at(sigmas, version, side)
        assert [step.sigma for step in read_file(data).steps()] == pytest.approx(sigmas, rel=0.01)
        work = codec(has_spectrum=True).coded(data).work(Rendering(Decoder.MEAN))
        assert work.evaluations == pytest.approx(evaluations)
        assert codec(has_spectrum=False).coded(data).work(Rendering(Decoder.MEAN)).evaluations == 8
        assert work.pixels == side * side


def test_work_counts_what_a_small_picture_is_filled_up_to():
    head = read_file(steps_at((20.0,), 2, 32)).head
    space = codec(has_spectrum=True).space
    assert evaluations_at(20.0, space, head) == 2.0  # A quarter of 32 pixels is filled up to 32.
    assert evaluations_at(0.5, space, head) == 2.0
