"""Stable Diffusion from its files, part by part against diffusers and transformers themselves."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from tiny_models import Files, in_folder, installed_in, tiny_stable_diffusion, tiny_taesd

from diffdemo.diffusion.posterior import white_noise
from diffdemo.diffusion.vp import VpSchedule
from diffdemo.errors import WeightsError
from diffdemo.models.diffusers import autoencoder
from diffdemo.models.diffusers.latent import LatentSpace, load_latent_space

CPU = torch.device("cpu")


def load(folder: Path, files: Files, dtype: torch.dtype = torch.float32) -> LatentSpace:
    space = load_latent_space(installed_in(folder, files), name="tiny", device=CPU, dtype=dtype)
    assert isinstance(space, LatentSpace)
    return space


def with_settings(files: Files, name: str, **settings: object) -> Files:
    return files | {name: json.dumps(json.loads(files[name]) | settings).encode()}


def peer(network_class: Any, folder: Path) -> Any:
    return network_class.from_pretrained(folder, low_cpu_mem_usage=False)


def picture(height: int, width: int) -> torch.Tensor:
    return white_noise((1, 3, height, width), 1, stream=0).clamp(-1, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("latent")


@pytest.fixture(scope="module")
def space(folder) -> LatentSpace:
    return load(folder, tiny_stable_diffusion() | in_folder("preview", tiny_taesd()))


def test_says_what_it_is(space):
    assert (space.channels, space.factor, space.takes_prompt) == (4, 8, True)
    assert space.sigma_min == pytest.approx(0.0292, rel=1e-2)
    assert space.num_bytes == 4 * space.num_parameters


@torch.inference_mode()
def test_autoencoder_agrees_with_diffusers(space, folder):
    import diffusers

    vae = peer(diffusers.AutoencoderKL, folder / "vae")
    image = picture(64, 40)
    signal = space.to_signal(image)
    assert (signal - vae.encode(image).latent_dist.mean * 0.18215).abs().max() < 1e-5
    expected = vae.decode(signal / 0.18215).sample.clamp(-1, 1)
    assert (space.to_image(signal, 64, 40) - expected).abs().max() < 1e-5


@torch.inference_mode()
def test_preview_agrees_with_diffusers(space, folder):
    import diffusers

    signal = white_noise((1, 4, 8, 5), 2, stream=0)
    expected = peer(diffusers.AutoencoderTiny, folder / "preview").decode(signal).sample.clamp(-1, 1)
    preview = space.to_image(signal, 64, 40, preview=True)
    assert (preview - expected).abs().max() < 1e-5
    assert not torch.allclose(preview, space.to_image(signal, 64, 40), atol=0.01)


def test_without_a_preview_decoder_the_real_one_shows(tmp_path):
    space = load(tmp_path, tiny_stable_diffusion())
    signal = white_noise((1, 4, 8, 5), 2, stream=0)
    assert torch.equal(space.to_image(signal, 60, 40, preview=True), space.to_image(signal, 60, 40))


@pytest.mark.parametrize("size", [(1, 1), (7, 9), (33, 70)])
def test_any_size(space, size):
    height, width = size
    signal = space.to_signal(picture(height, width))
    assert signal.shape == (1, 4, math.ceil(height / 8), math.ceil(width / 8))
    x_hat = space.denoiser().denoise(signal, 0.5)
    assert x_hat.shape == signal.shape
    assert space.to_image(x_hat, height, width).shape == (1, 3, height, width)
    assert space.to_image(x_hat, height, width, preview=True).shape == (1, 3, height, width)
    assert {t.dtype for t in (signal, x_hat)} == {torch.float32}


@pytest.mark.parametrize(
    ("settings", "offset", "gain"),
    [
        ({"shift_factor": 0.1, "scaling_factor": 0.5}, 0.1, 0.5),
        (
            {"latents_mean": [0.1, 0.2, 0.3, 0.4], "latents_std": [0.5, 1, 2, 4], "scaling_factor": 0.5},
            torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 4, 1, 1),
            torch.tensor([1, 0.5, 0.25, 0.125]).view(1, 4, 1, 1),
        ),
    ],
    ids=["shift", "each"],
)
@torch.inference_mode()
def test_latents_are_normalised_as_the_autoencoder_says(tmp_path, settings, offset, gain):
    import diffusers

    space = load(tmp_path, with_settings(tiny_stable_diffusion(), "vae/config.json", **settings))
    vae, image = peer(diffusers.AutoencoderKL, tmp_path / "vae"), picture(32, 32)
    mean = vae.encode(image).latent_dist.mean
    signal = space.to_signal(image)
    assert (signal - (mean - offset) * gain).abs().max() < 1e-5
    assert (space.to_image(signal, 32, 32) - vae.decode(mean).sample.clamp(-1, 1)).abs().max() < 1e-5


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@torch.inference_mode()
def test_denoiser_agrees_with_diffusers(tmp_path, prediction):
    import diffusers

    space = load(tmp_path, tiny_stable_diffusion(prediction_type=prediction))
    unet = peer(diffusers.UNet2DConditionModel, tmp_path / "unet")
    scheduler = diffusers.DDPMScheduler.from_pretrained(tmp_path / "scheduler")
    schedule = VpSchedule.from_config(scheduler.config)
    u = white_noise((1, 4, 8, 8), 3, stream=0)
    for timestep in (0, 400, 900):
        output = unet(u, timestep, space._prompts.embed("a cat").tokens).sample
        expected = scheduler.step(output, timestep, u).pred_original_sample
        sigma = math.exp(schedule.log_sigmas[timestep])
        x_hat = space.denoiser("a cat").denoise(math.sqrt(1 + sigma**2) * u, sigma)
        assert (x_hat - expected).abs().max() < 1e-5 * math.sqrt(1 + sigma**2)


@torch.inference_mode()
def test_xl_is_told_the_picture_s_size(tmp_path):
    import diffusers

    space = load(tmp_path, tiny_stable_diffusion(xl=True))
    unet = peer(diffusers.UNet2DConditionModel, tmp_path / "unet")
    u, embedding = white_noise((1, 4, 6, 10), 4, stream=0), space._prompts.embed("a dog")
    added = {"text_embeds": embedding.pooled, "time_ids": torch.tensor([[48.0, 80.0, 0.0, 0.0, 48.0, 80.0]])}
    schedule = VpSchedule.from_config(diffusers.DDPMScheduler.from_pretrained(tmp_path / "scheduler").config)
    sigma = math.exp(schedule.log_sigmas[500])
    scale = math.sqrt(1 + sigma**2)
    expected = scale * u - sigma * unet(u, 500, embedding.tokens, added_cond_kwargs=added).sample
    assert (space.denoiser("a dog").denoise(scale * u, sigma) - expected).abs().max() < 1e-5
    assert space.denoiser().denoise(white_noise((1, 4, 3, 5), 4, stream=0), 1.0).shape == (1, 4, 3, 5)


@pytest.mark.parametrize("options", [{"safetensors": False}, {"half": True}], ids=str)
def test_other_weight_files(tmp_path, space, options):
    other = load(tmp_path, tiny_stable_diffusion(**options))
    signal = space.to_signal(picture(32, 32))
    x_hat = space.denoiser("a cat").denoise(signal, 0.7)
    assert torch.allclose(other.to_signal(picture(32, 32)), signal, atol=0.01 if options.get("half") else 0)
    assert torch.allclose(other.denoiser("a cat").denoise(signal, 0.7), x_hat, atol=0.01 if options.get("half") else 0)
    assert other.num_bytes == 4 * other.num_parameters


def test_half_precision_is_close(tmp_path, space):
    half = load(tmp_path, tiny_stable_diffusion(), torch.bfloat16)
    z = white_noise((1, 4, 8, 8), 5, stream=0)
    x_hat = half.denoiser("a cat").denoise(z, 0.7)
    assert x_hat.dtype == torch.float32
    assert 0 < (x_hat - space.denoiser("a cat").denoise(z, 0.7)).abs().max() < 0.1


def test_network_without_signal_at_its_last_step(tmp_path):
    files = tiny_stable_diffusion(prediction_type="v_prediction")
    space = load(tmp_path, with_settings(files, "scheduler/scheduler_config.json", rescale_betas_zero_snr=True))
    for sigma in (0.01, 10.0, 1e6):
        assert torch.isfinite(space.denoiser().denoise(sigma * white_noise((1, 4, 8, 8), 6, stream=0), sigma)).all()


@torch.inference_mode()
def test_large_pictures_go_in_tiles(space, monkeypatch):
    image = picture(520, 24)
    whole = space.to_signal(image)
    monkeypatch.setattr(autoencoder, "MAX_WHOLE_PIXELS", 10_000)
    tiled = space.to_signal(image)
    assert tiled.shape == whole.shape
    assert not torch.equal(tiled, whole)
    for preview in (False, True):
        assert space.to_image(whole, 520, 24, preview=preview).shape == image.shape


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("unet/config.json", {"layers_per_block": 2}, "tiny/unet/.*tensors differ"),
        ("unet/config.json", {"norm_num_groups": 7}, "unet/' describes no network"),
        ("unet/config.json", {"in_channels": 9}, "turns 9 channels into 4, but its autoencoder has 4"),
        ("unet/config.json", {"cross_attention_dim": 24}, "vectors of 24 numbers, but its text encoders make 12"),
        ("unet/config.json", {"_class_name": "UNet3DConditionModel"}, "holds a UNet3DConditionModel in unet"),
        ("unet/config.json", {"num_class_embeds": 5}, "more than a prompt .num_class_embeds"),
        ("unet/config.json", {"addition_embed_type": "image"}, "more than a prompt .addition_embed_type"),
        ("vae/config.json", {"block_out_channels": [4, 4, 8, 12]}, "tiny/vae/.*tensors differ"),
        ("vae/config.json", {"in_channels": 1}, "tensors differ"),
        ("text_encoder/config.json", {"num_hidden_layers": 3}, "tiny/text_encoder/.*tensors differ"),
        ("text_encoder/config.json", {"hidden_act": "exec"}, "text_encoder' describes no network"),
        ("text_encoder/config.json", {"hidden_size": "big"}, "text_encoder' describes no network"),
        ("tokenizer/special_tokens_map.json", {"pad_token": "<pad>"}, "pads with '<pad>'"),
        ("preview/config.json", {"latent_channels": 16}, "tiny/preview/.*tensors differ"),
        ("scheduler/scheduler_config.json", {"prediction_type": "flow"}, "predicts 'flow'"),
    ],
    ids=str,
)
def test_other_architectures_are_refused(tmp_path, name, settings, said):
    with pytest.raises(WeightsError, match=said):
        load(tmp_path, with_settings(tiny_stable_diffusion() | in_folder("preview", tiny_taesd()), name, **settings))


def test_special_tokens_need_no_file_of_their_own(tmp_path):
    files = {name: data for name, data in tiny_stable_diffusion().items() if "special_tokens" not in name}
    assert load(tmp_path, files).denoiser("a cat")


@pytest.mark.parametrize(
    "missing",
    [
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
        "tokenizer/tokenizer_config.json",
        "text_encoder_2/config.json",
        "tokenizer_2/vocab.json",
    ],
)
def test_missing_file_is_named(tmp_path, missing):
    files = {name: data for name, data in tiny_stable_diffusion(xl=True).items() if name != missing}
    with pytest.raises(WeightsError, match=f"incomplete: {missing} is missing"):
        load(tmp_path, files)


def test_a_preview_decoder_for_other_latents_is_refused(tmp_path):
    import diffusers

    sizes = {"encoder_block_out_channels": (4, 4), "num_encoder_blocks": (1, 1)}
    network = diffusers.AutoencoderTiny(**sizes, decoder_block_out_channels=(4, 4), num_decoder_blocks=(1, 1))
    other = {
        "preview/config.json": network.to_json_string().encode(),
        "preview/diffusion_pytorch_model.safetensors": safetensors.torch.save(network.state_dict()),
    }
    with pytest.raises(WeightsError, match="4 channels and 2 pixels a side; its autoencoder has 4 and 8"):
        load(tmp_path, tiny_stable_diffusion() | other)
