"""Normalisation by pixel on a processor, and the network that uses it: the same numbers but for rounding."""

from __future__ import annotations

import pytest
import torch

from diffdemo.models import pixel_norm as module
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.pixel_norm import pixel_norm, pixel_norm_on_processor, suits_processor


def features(*shape: int, scale: float = 1.0) -> torch.Tensor:
    values = scale * torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return values.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(1, 32, 48, 64), (2, 5, 7, 3), (1, 160, 1, 1), (1, 1, 4, 4)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_the_processor_gives_what_pytorch_gives(threads, shape, scale, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_VALUES", 0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    h = features(*shape, scale=scale)
    before = h.clone()
    with torch.no_grad():
        assert suits_processor(h)
        assert torch.allclose(pixel_norm_on_processor(h), pixel_norm(h), rtol=2e-6, atol=1e-9)
    assert torch.equal(h, before)


def test_a_pixel_is_divided_by_its_root_mean_square():
    h = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)
    expected = h / (12.5 + 1e-4) ** 0.5
    with torch.no_grad():
        assert torch.allclose(pixel_norm_on_processor(h), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "h", [features(1, 8, 4, 4).to(torch.bfloat16), torch.randn(1, 8, 4, 4).contiguous()], ids=["bfloat16", "planar"]
)
def test_other_features_are_left_to_pytorch(h):
    with torch.no_grad():
        assert not suits_processor(h)


def test_what_is_trained_is_left_to_pytorch():
    assert not suits_processor(features(1, 8, 4, 4))


@pytest.mark.parametrize("sigma", [0.01, 0.5, 30.0])
def test_few_passes_over_memory_change_nothing(sigma):
    """With gains and shifts that are not those of a fresh network, which are all zero."""
    torch.manual_seed(1)
    network = PhotoUNet(PhotoUNetShape(channels=(8, 12), blocks=(1, 2), embedding=16))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    network = network.eval().to(memory_format=torch.channels_last)
    z = features(1, 3, 24, 40)
    with_gradients = network(z, torch.tensor([sigma])).detach()
    with torch.inference_mode():
        alone = network(z, torch.tensor([sigma]))
        together = network(torch.cat([z, z]), torch.tensor([sigma, 1.0]))
    assert torch.allclose(alone, with_gradients, atol=1e-5 * float(with_gradients.abs().max()))
    assert torch.allclose(together[:1], with_gradients, atol=1e-5 * float(with_gradients.abs().max()))
