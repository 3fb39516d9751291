"""Prompts: against the pipelines of diffusers, remembered, and too long."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from cachetools import LRUCache
from tiny_models import installed_in, tiny_stable_diffusion

from diffdemo.diffusion.posterior import white_noise
from diffdemo.errors import RateError, WeightsError
from diffdemo.models.diffusers.latent import load_latent_space
from diffdemo.models.diffusers.text import PromptEncoder, TextEncoder

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

PROMPTS = ["a cat", "", "A  Dog, and a cat!", "Größe 山 🐱"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("text")


@pytest.fixture(scope="module")
def encoder(folder) -> PromptEncoder:
    return PromptEncoder([TextEncoder.load(installed_in(folder, tiny_stable_diffusion()))])


def of_diffusers(folder: Path, *, xl: bool) -> DiffusionPipeline:
    import diffusers
    import transformers

    parts = {
        "vae": diffusers.AutoencoderKL.from_pretrained(folder / "vae", low_cpu_mem_usage=False),
        "unet": diffusers.UNet2DConditionModel.from_pretrained(folder / "unet", low_cpu_mem_usage=False),
        "scheduler": diffusers.DDPMScheduler.from_pretrained(folder / "scheduler"),
        "text_encoder": transformers.CLIPTextModel.from_pretrained(folder / "text_encoder"),
        "tokenizer": transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer"),
    }
    if not xl:
        return diffusers.StableDiffusionPipeline(**parts, safety_checker=None, feature_extractor=None)
    parts["text_encoder_2"] = transformers.CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2")
    parts["tokenizer_2"] = transformers.CLIPTokenizer.from_pretrained(folder / "tokenizer_2")
    return diffusers.StableDiffusionXLPipeline(**parts)


@pytest.mark.parametrize("prompt", PROMPTS)
@torch.inference_mode()
def test_agrees_with_the_pipeline_of_diffusers(encoder, folder, prompt):
    expected, _ = of_diffusers(folder, xl=False).encode_prompt(prompt, "cpu", 1, False)
    assert (encoder.embed(prompt).tokens - expected).abs().max() < 1e-5
    assert encoder.embed(prompt).pooled is None


@pytest.mark.parametrize("prompt", PROMPTS)
@torch.inference_mode()
def test_agrees_with_the_pipeline_of_xl(tmp_path, prompt):
    installed = installed_in(tmp_path, tiny_stable_diffusion(xl=True))
    encoder = PromptEncoder([TextEncoder.load(installed), TextEncoder.load(installed, "_2", is_projected=True)])
    embedding = encoder.embed(prompt)
    guided = of_diffusers(tmp_path, xl=True).encode_prompt(prompt, device="cpu")
    # Prompt, absence of one, and both again pooled.
    tokens, pooled = (guided[0], guided[2]) if prompt else (guided[1], guided[3])
    assert (embedding.tokens - tokens).abs().max() < 1e-5
    assert (embedding.pooled - pooled).abs().max() < 1e-5


@pytest.mark.parametrize("xl", [False, True])
def test_a_prompt_changes_what_the_network_expects(tmp_path, xl):
    installed = installed_in(tmp_path, tiny_stable_diffusion(xl=xl))
    space = load_latent_space(installed, name="tiny", device=torch.device("cpu"), dtype=torch.float32)
    z = white_noise((1, 4, 8, 8), 1, stream=0)
    plain, cat, dog, again = (space.denoiser(prompt).denoise(z, 1.0) for prompt in ("", "a cat", "a dog", "a cat"))
    assert torch.equal(cat, again)
    assert not torch.equal(cat, dog)
    assert not torch.equal(cat, plain)


def test_a_prompt_is_embedded_once(encoder, monkeypatch):
    calls = []
    run = TextEncoder.run
    monkeypatch.setattr(TextEncoder, "run", lambda self, prompt: calls.append(prompt) or run(self, prompt))
    monkeypatch.setattr(encoder, "_remembered", LRUCache(3))
    for prompt in ("a", "b", "a", "c", "a", "d", "a", "b"):
        encoder.embed(prompt)
    assert calls == ["a", "b", "c", "d", "b"]


def test_longest_prompt(encoder):
    # "cat" is one token of the tiny vocabulary.
    assert encoder.embed("cat " * 75).tokens.shape == (1, 77, 12)
    with pytest.raises(RateError, match="The prompt is 76 tokens long; the model reads 75"):
        encoder.embed("cat " * 76)


@pytest.mark.parametrize("name", ["vocab.json", "merges.txt", "tokenizer_config.json"])
def test_damaged_tokenizer(tmp_path, name):
    files = tiny_stable_diffusion() | {f"tokenizer/{name}": b'{"cat</w>": "\xff", "oops'}
    with pytest.raises(WeightsError):
        TextEncoder.load(installed_in(tmp_path, files))


def test_configuration_chooses_no_code(tmp_path):
    files = dict(tiny_stable_diffusion())
    config = files["text_encoder/config.json"].decode()
    extra = '{"auto_map": {"AutoModel": "evil.Model"}, "_attn_implementation": "someone/kernels", '
    files["text_encoder/config.json"] = config.replace("{", extra, 1).encode()
    encoder = TextEncoder.load(installed_in(tmp_path, files))
    assert encoder.network.config._attn_implementation == "sdpa"
