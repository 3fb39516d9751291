"""The shipped network as a denoiser, and weight files that are not what they should be."""

from __future__ import annotations

import pickle

import pytest
import torch
from safetensors.torch import save_file

from diffdemo.diffusion.posterior import white_noise
from diffdemo.engine.examples import example_pixels
from diffdemo.errors import WeightsError
from diffdemo.images import to_image
from diffdemo.models.photo import PhotoDenoiser
from diffdemo.models.photo_unet import PhotoUNet, PhotoUNetShape
from diffdemo.models.registry import DEFAULT_MODEL, SHIPPED, model_spec
from diffdemo.models.weights import read_weights
from diffdemo.training.loop import export

CPU = torch.device("cpu")
TINY = PhotoUNetShape(channels=(8, 8), blocks=(1, 1), embedding=8)


@pytest.fixture(scope="module")
def shipped() -> PhotoDenoiser:
    return PhotoDenoiser.load(model_spec(DEFAULT_MODEL).path, device=CPU)


@pytest.mark.parametrize(("sigma", "gain_db"), [(1.0, 12), (0.3, 10), (0.1, 5), (0.03, 1.5)])
def test_shipped_model_denoises_a_photograph(shipped, sigma, gain_db):
    x = to_image(example_pixels("astronaut")[100:228, 150:278])
    z = x + sigma * white_noise(tuple(x.shape), 1, stream=0)
    error = float((shipped.denoise(z, sigma) - x).square().mean())
    assert error < sigma**2 / 10 ** (gain_db / 10)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (31, 33), (64, 64), (65, 200)])
def test_any_size_in_the_same_size_out(shipped, size):
    z = white_noise((1, 3, *size), 2, stream=0)
    x_hat = shipped.denoise(z, 0.5)
    assert x_hat.shape == z.shape
    assert torch.isfinite(x_hat).all()
    assert x_hat.abs().max() <= 1


def test_far_away_pixels_do_not_matter():
    """No statistics over the whole picture: a change reaches as far as the convolutions do and no further."""
    denoiser = PhotoDenoiser(PhotoUNet(TINY), sha256="", device=CPU)
    with torch.no_grad():
        for parameter in denoiser._network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)) * 0.3)
    z = white_noise((1, 3, 64, 256), 3, stream=0)
    changed = z.clone()
    changed[..., 200:] = 1.0
    assert torch.equal(denoiser.denoise(z, 0.3)[..., :100], denoiser.denoise(changed, 0.3)[..., :100])
    assert not torch.equal(denoiser.denoise(z, 0.3)[..., 200:], denoiser.denoise(changed, 0.3)[..., 200:])


def test_shape_survives_the_file_s_header(tmp_path):
    export(PhotoUNet(TINY), tmp_path / "tiny.safetensors", "PhotoUNet", step=3, minutes=0.1)
    loaded = PhotoDenoiser.load(tmp_path / "tiny.safetensors", device=CPU)
    assert loaded.num_parameters == sum(p.numel() for p in PhotoUNet(TINY).parameters())
    assert read_weights(tmp_path / "tiny.safetensors").metadata["steps"] == "3"


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors.*missing"):
        PhotoDenoiser.load(tmp_path / "nowhere.safetensors", device=CPU)


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was executed",))

    path = tmp_path / "weights.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(WeightsError, match="not a safetensors file"):
        PhotoDenoiser.load(path, device=CPU)


def test_damaged_weights_are_refused(tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(model_spec(DEFAULT_MODEL).path.read_bytes()[:100_000])
    with pytest.raises(WeightsError, match="damaged"):
        PhotoDenoiser.load(path, device=CPU)


def test_weights_of_another_network_are_refused_with_the_tensor_s_name(tmp_path):
    path = tmp_path / "other.safetensors"
    tensors = {k: v for k, v in PhotoUNet(TINY).state_dict().items() if k != "conv_in.weight"}
    save_file(tensors, path, metadata=TINY.to_metadata())
    with pytest.raises(WeightsError, match=r"conv_in\.weight"):
        PhotoDenoiser.load(path, device=CPU)
    save_file(tensors, path)
    with pytest.raises(WeightsError, match="do not say"):
        PhotoDenoiser.load(path, device=CPU)


def test_shipped_files_are_small_and_as_large_as_the_menu_says():
    for spec in SHIPPED:
        assert spec.path.stat().st_size == spec.num_bytes <= 21_000_000


def test_unknown_model_names_the_known_ones():
    with pytest.raises(WeightsError, match=DEFAULT_MODEL):
        model_spec("nonesuch")
