"""CDC's networks against recorded values, and released checkpoints that are not what they should be.

The recorded values come from this implementation after it had reproduced vectors of the authors' own model (latents,
likelihoods and rates exactly, decodes of both families in 1, 5 and 17 steps within 5e-5).
"""

from __future__ import annotations

import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from diffdemo.diffusion.posterior import white_noise
from diffdemo.errors import WeightsError
from diffdemo.models.cdc.compressor import bits_of, gaussian_likelihood
from diffdemo.models.cdc.exact import ExactHyperDecoder
from diffdemo.models.cdc.model import CdcModel, CdcNetwork, CdcShape, Family
from diffdemo.models.cdc.released import convert, from_released
from diffdemo.models.weights import require_tensors
from tests.released_cdc import released_checkpoint

DECODES = {
    (0.0, 1): (0.615186, 0.00230369),
    (0.0, 5): (0.616979, 152.31749),
    (0.8, 1): (0.614548, 0.63944),
    (0.8, 5): (0.616137, 179.51082),
}
"""Mean magnitudes by gamma and steps, of the x and the epsilon family."""
EXACT = {"x": (261449554, 4267239560), "epsilon": (3230201558, 2018607944)}
"""CRC-32 of means and scales as int64."""

FAMILIES = [family.value for family in Family]


def released_model(family: str, width: int = 4) -> CdcModel:
    shape, tensors = from_released(released_checkpoint(family, width), "seeded")
    network = CdcNetwork(shape)
    network.load_state_dict(tensors)
    return CdcModel(network, sha256="0" * 64, device=torch.device("cpu"))


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest) -> CdcModel:
    return released_model(request.param)


def recorded(model: CdcModel, x: float, epsilon: float) -> pytest.approx:
    return pytest.approx(x if model.shape.family is Family.X else epsilon, rel=1e-3)


@pytest.mark.parametrize("lpips", [False, True])
@pytest.mark.parametrize(("family", "unet", "compressor"), [("x", 40107907, 13777472), ("epsilon", 39912707, 13714947)])
def test_full_size_checkpoints_fit_tensor_by_tensor(family, unet, compressor, lpips):
    shape, tensors = from_released(released_checkpoint(family, 64, lpips=lpips, device="meta"), "released")
    with torch.device("meta"):
        network = CdcNetwork(shape)
    require_tensors(network, tensors, "released")
    assert sum(p.numel() for p in network.unet.parameters()) == unet
    # The authors count the medians as parameters.
    assert sum(p.numel() for p in network.compressor.parameters()) + 256 == compressor


def test_the_average_is_taken_and_not_the_last_iterate():
    checkpoint = released_checkpoint("x", 2)
    _, tensors = from_released(checkpoint, "released")
    assert torch.equal(tensors["unet.head.bias"], checkpoint["ema"]["ema_model.denoise_fn.final_conv.1.bias"])
    assert not torch.equal(tensors["unet.head.bias"], checkpoint["ema"]["online_model.denoise_fn.final_conv.1.bias"])


def test_the_last_iterate_alone_is_refused():
    checkpoint = released_checkpoint("x", 2)
    with pytest.raises(WeightsError, match="average over iterates"):
        from_released({"model": checkpoint["model"]}, "half")
    online = {key: t for key, t in checkpoint["ema"].items() if not key.startswith("ema_model.")}
    with pytest.raises(WeightsError, match="un-averaged"):
        from_released({"ema": online}, "half")


@pytest.mark.parametrize("checkpoint", [{}, {"state_dict": {}}, {"model": {}}, {"model": {"a.weight": torch.ones(1)}}])
def test_other_checkpoints_are_refused(checkpoint):
    with pytest.raises(WeightsError, match="not one of CDC"):
        from_released(checkpoint, "other")


def test_missing_and_additional_tensors_are_named(tmp_path):
    checkpoint = released_checkpoint("epsilon", 2)
    del checkpoint["model"]["denoise_fn.mid_attn.fn.norm.g"]
    checkpoint["model"]["denoise_fn.extra"] = torch.ones(1)
    torch.save(checkpoint, tmp_path / "changed.pt")
    with pytest.raises(WeightsError, match=r"2 tensors differ, denoise_fn.extra.*unet.middle_attention.norm.gain"):
        convert(tmp_path / "changed.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


@pytest.mark.parametrize("family", FAMILIES)
def test_conversion_gives_a_file_that_loads(family, tmp_path):
    checkpoint = released_checkpoint(family, 2, lpips=True)
    torch.save(checkpoint, tmp_path / "released.pt")
    convert(tmp_path / "released.pt", tmp_path / "converted.safetensors")
    model = CdcModel.load(tmp_path / "converted.safetensors", device=torch.device("cpu"))
    assert model.shape == CdcShape(Family(family), 2, (2, 4, 6, 8))


class _Malicious:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize("content", [pickle.dumps({"model": _Malicious()}), b"", b"PK\x03\x04 no zip", b"\x80\x02."])
def test_no_pickle_is_executed(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "released.pt").write_bytes(content)
    with pytest.raises(WeightsError):
        convert(tmp_path / "released.pt", tmp_path / "out.safetensors")
    torch.save({"model": _Malicious()}, tmp_path / "released.pt")
    with pytest.raises(WeightsError, match="safety"):
        convert(tmp_path / "released.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "executed").exists()


def picture() -> torch.Tensor:
    ramp = torch.linspace(-1, 1, 64)
    return torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), ramp.outer(ramp)])[None].contiguous()


@torch.no_grad()
def test_latents_and_rate(model):
    y, z = model.analyse(picture())
    assert y.shape == (1, 16, 4, 4)
    assert float(y.abs().mean()) == recorded(model, 10.782166, 10.782166)
    prior = model.compressor.prior
    median = prior.median[None, :, None, None]
    z_hat = (z - median).round() + median
    mean, scale = model.compressor.predict(z_hat)
    assert float(scale.min()) == pytest.approx(0.1)
    bits = bits_of(prior.likelihood(z_hat)) + bits_of(gaussian_likelihood((y - mean).round(), scale))
    assert float(bits) == recorded(model, 7005.0, 7225.8)


@torch.no_grad()
@pytest.mark.parametrize("gamma", [0.0, 0.8])
def test_decodes(model, gamma):
    y, _ = model.analyse(picture())
    context = model.context(y.round())
    start = gamma * white_noise((1, 3, 64, 64), 1, stream=0)
    for steps in (1, 5):
        *_, (_, state) = model.synthesise(context, start, steps)
        assert float(state.abs().mean()) == recorded(model, *DECODES[gamma, steps])


def test_attention_and_norms_take_any_batch_layout(model):
    y, _ = model.analyse(picture())
    context = model.context(y.round())
    x = white_noise((1, 3, 64, 64), 4, stream=0)
    with torch.no_grad():
        alone = model._network.unet(x, torch.full((1,), 0.5), context)
        both = model._network.unet(
            torch.cat([x, -x]).contiguous(), torch.tensor([0.5, 0.9]), [torch.cat([c, c]) for c in context]
        )
    assert torch.allclose(alone[0], both[0], atol=1e-4 * float(alone.abs().max()))


@pytest.mark.parametrize("family", FAMILIES)
def test_exact_hyper_decoder_gives_the_same_integers_whatever_the_threads(family):
    decoder = ExactHyperDecoder(released_model(family).compressor.hyper_decoder)
    z_hat = np.random.default_rng(0).integers(-3, 4, (16, 5, 7)).astype(np.float32)
    before = torch.get_num_threads()
    checks = set()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            for layout in (z_hat, np.asfortranarray(z_hat)):
                checks.add(tuple(zlib.crc32(part.tobytes()) for part in decoder(layout)))
    finally:
        torch.set_num_threads(before)
    assert checks == {EXACT[family]}


def test_exact_hyper_decoder_agrees_with_the_float_one(model):
    z_hat = np.random.default_rng(1).integers(-3, 4, (16, 2, 3)).astype(np.float32)
    means, scales = ExactHyperDecoder(model.compressor.hyper_decoder)(z_hat)
    with torch.no_grad():
        mean, scale = model.compressor.predict(torch.from_numpy(z_hat)[None])
    assert np.abs(means / 65536 - mean[0].numpy()).max() < 2e-4
    assert np.abs(np.maximum(scales / 65536, 0.1) - scale[0].numpy()).max() < 2e-4


def test_exact_hyper_decoder_survives_absurd_symbols(model):
    decoder = ExactHyperDecoder(model.compressor.hyper_decoder)
    means, scales = decoder(np.full((16, 1, 1), 1e6, np.float32))
    assert max(abs(means).max(), abs(scales).max()) <= 1 << 25


@pytest.mark.parametrize(("value", "message"), [(float("nan"), "not numbers"), (1e6, "too large")])
def test_weights_that_cannot_be_computed_with_exactly_are_refused(value, message):
    network = CdcNetwork(CdcShape(Family.X, 2))
    with torch.no_grad():
        network.compressor.hyper_decoder[0].weight[0, 0, 0, 0] = value
    with pytest.raises(WeightsError, match=message):
        ExactHyperDecoder(network.compressor.hyper_decoder)
