"""CoD's diffusion models as denoisers: against the networks themselves, and as models of DiffC from end to end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from diffdemo.codecs.diffc import DiffC
from diffdemo.codecs.records import Preset, Target
from diffdemo.codecs.rendering import Rendering
from diffdemo.diffusion.posterior import white_noise
from diffdemo.errors import WeightsError
from diffdemo.images import mirrored, to_pixels
from diffdemo.models.cod import denoiser as module
from diffdemo.models.cod.denoiser import CodDenoiser, load_cod_space
from diffdemo.models.cod.shape import CodShape
from diffdemo.models.cod.table import TablePrecision, position_table
from diffdemo.models.cod.transformer import CodTransformer
from diffdemo.models.evaluation import finished
from tests.released_cod import formula_network, formula_weights, patterned, tiny_shape, tiny_transformer_shape

CPU = torch.device("cpu")
SHAPES = {"lite": tiny_shape(32, 4), "pixel": tiny_transformer_shape()}


@pytest.fixture(params=list(SHAPES))
def shape(request: pytest.FixtureRequest) -> CodShape:
    return SHAPES[request.param]


@pytest.fixture
def denoiser(shape: CodShape) -> CodDenoiser:
    return CodDenoiser(formula_network(shape), device=CPU)


@torch.inference_mode()
def plainly(shape: CodShape, z: Tensor, sigma: float) -> Tensor:
    """What the network says, asked as a flow model, told about a picture of -1."""
    network = formula_network(shape)
    codec = network.y_embedder
    vectors = codec.bottleneck.vectors(codec.bottleneck.indices(codec.encoder(torch.full_like(z, -1.0))))
    context = finished(codec.decoder.decoding(vectors))
    share_of_noise = sigma / (1 + sigma)
    noisy = z * (1 - share_of_noise)
    table = position_table(TablePrecision.FLOAT32)
    if isinstance(network, CodTransformer):
        return noisy + share_of_noise * network.velocity(noisy, 1 - share_of_noise, context, table)
    return network.clean(context, network.modulations(1 - share_of_noise), table, noisy)


@pytest.mark.parametrize("sigma", [0.02, 0.3, 1.0, 7.0, 256.0])
def test_noise_levels_are_times_of_the_flow(shape, denoiser, sigma):
    z = white_noise((1, 3, 64, 96), 1, stream=0) * sigma
    x_hat = denoiser.denoise(z, sigma)
    assert torch.allclose(x_hat, plainly(shape, z, sigma).clamp(-1, 1), atol=1e-5)
    assert x_hat.shape == z.shape


def test_it_sees_the_state_the_time_and_the_table_that_it_was_trained_with(denoiser):
    z = white_noise((1, 3, 32, 64), 1, stream=0)
    found = denoiser.denoise(z, 1.0)
    assert (found - denoiser.denoise(z, 1.1)).abs().max() > 1e-4
    assert (found - denoiser.denoise(z + 0.1, 1.0)).abs().max() > 1e-4
    denoiser._positions = position_table(TablePrecision.BFLOAT16)
    assert (found - denoiser.denoise(z, 1.0)).abs().max() > 1e-4


def test_any_sides_are_mirrored_up_to_what_the_network_needs(denoiser):
    z = white_noise((1, 3, 33, 20), 2, stream=0)
    assert torch.equal(denoiser.denoise(z, 0.5), denoiser.denoise(mirrored(z, 32), 0.5)[:, :, :33, :20])


def test_nothing_is_computed_once_a_size(denoiser, monkeypatch):
    asked = []
    encoder = denoiser._network.y_embedder.encoder
    monkeypatch.setattr(encoder, "forward", lambda image, forward=encoder.forward: asked.append(1) or forward(image))
    monkeypatch.setattr(module, "CONTEXTS_KEPT", 2)
    for side, times in ((32, 1), (32, 1), (30, 1), (64, 2), (32, 2), (96, 3), (64, 3), (32, 4)):
        denoiser.denoise(torch.zeros(1, 3, side, 32), 1.0)
        assert len(asked) == times


def test_weights_that_are_no_numbers_are_refused(shape):
    network = formula_network(shape)
    with torch.no_grad():
        network.final_layer.linear.weight[0, 0] = float("nan")
    with pytest.raises(WeightsError, match="not numbers"):
        CodDenoiser(network, device=CPU)


@pytest.fixture
def codec(tmp_path: Path, shape: CodShape) -> DiffC:
    save_file(formula_weights(shape), tmp_path / "x.safetensors", metadata=shape.to_metadata())
    return DiffC(load_cod_space(tmp_path / "x.safetensors", device=CPU), fingerprint=b"test")


def test_diffc_encodes_and_decodes_with_it(codec):
    assert (codec.space.num_parameters, codec.space.most_views) == (codec.space.num_bytes // 4, 1)
    picture = patterned(40, 56)
    moments = list(codec.encode_progressively(picture, Target(num_bytes=600), preset=Preset.FAST))
    data = moments[-1].data
    *_, last = codec.decode(data)
    assert np.array_equal(to_pixels(last.image), to_pixels(moments[-1].picture.image))
    *_, cut = codec.decode(data[:200])
    assert cut.image.shape == (1, 3, 40, 56)
    for decoder in codec.decoders:
        *_, end = codec.decode(data, Rendering(decoder))
        assert bool(end.image.isfinite().all())
