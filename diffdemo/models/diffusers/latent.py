"""Latent diffusion models in the layout of Stable Diffusion 1, 2 and XL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from diffdemo.diffusion.denoiser import Denoiser
from diffdemo.diffusion.spectrum import Spectrum
from diffdemo.diffusion.vp import VpDenoiser, VpSchedule
from diffdemo.errors import WeightsError
from diffdemo.models.diffusers.autoencoder import Autoencoder, PreviewDecoder
from diffdemo.models.diffusers.backbone import Backbone
from diffdemo.models.diffusers.components import (
    count_bytes,
    count_parameters,
    file_of,
    load_network,
    read_config,
    read_json,
)
from diffdemo.models.diffusers.text import PromptEmbedding, PromptEncoder, TextEncoder
from diffdemo.models.space import Space
from diffdemo.models.spec import ModelFiles

UNSUPPORTED = (
    "class_embed_type",
    "num_class_embeds",
    "encoder_hid_dim_type",
    "time_cond_proj_dim",
)
"""Settings of a U-Net that needs more than a state, a timestep and a prompt."""


class LatentSpace:
    """The latents of an autoencoder, and a U-Net that knows them.

    Args:
        backbone: the U-Net.
        schedule: that it was trained with.
        autoencoder: whose latents it knows.
        prompts: text encoders on the CPU.
        preview: a quicker way to a picture, if there is one.
    """

    takes_prompt = True
    most_views = 1
    spectrum: Spectrum | None = None
    bears_bfloat16 = False

    def __init__(
        self,
        backbone: Backbone,
        schedule: VpSchedule,
        autoencoder: Autoencoder,
        prompts: PromptEncoder,
        preview: PreviewDecoder | None = None,
    ) -> None:
        self.channels = autoencoder.channels
        self.factor = autoencoder.factor
        self.sigma_min = schedule.sigma_min
        self.device = backbone.network.device
        self._backbone = backbone
        self._schedule = schedule
        self._autoencoder = autoencoder
        self._prompts = prompts
        self._preview = preview
        texts = [encoder.network for encoder in prompts.encoders]
        here = [backbone.network, autoencoder.network, *([preview.network] if preview else [])]
        self.num_parameters = count_parameters([*here, *texts])
        self.num_bytes = count_bytes([*here, *(texts if backbone.network.device.type == "cpu" else [])])

    def to_signal(self, image: Tensor) -> Tensor:
        """Latents of a picture: float32 [1, channels, ceil(H / factor), ceil(W / factor)] on the CPU."""
        return self._autoencoder.encode(image)

    @torch.inference_mode()
    def to_image(self, signal: Tensor, height: int, width: int, *, preview: bool = False) -> Tensor:
        """A picture from latents: float32 [1,3,height,width] in [-1, 1] on the CPU."""
        decoder = self._preview if preview and self._preview else self._autoencoder
        return decoder.decode(signal)[:, :, :height, :width].clamp(-1, 1)

    def denoiser(self, prompt: str = "") -> Denoiser:
        """The U-Net, told what is in the picture, without guidance: a codec wants likely pictures, not vivid ones.

        Raises:
            RateError: the prompt is too long.
        """
        embedding = _placed(self._prompts.embed(prompt), self._backbone.network)

        def predict(u: Tensor, timestep: float) -> Tensor:
            return self._backbone(u, timestep, **_conditions(embedding, u, self.factor))

        # Latents have no bounds to keep to.
        return VpDenoiser(predict, self._schedule)


def load_latent_space(installed: ModelFiles, *, name: str, device: torch.device, dtype: torch.dtype) -> Space:
    """Read a Stable Diffusion as it lies in its repository.

    Args:
        installed: files in "unet/", "vae/", "text_encoder/", "tokenizer/", "scheduler/"; for XL also "text_encoder_2/"
            and "tokenizer_2/"; a TAESD, if there is one, in "preview/".
        name: of the model, for messages.
        device: where U-Net and autoencoder run.
        dtype: of the U-Net: float32 on the CPU, where half precision is slow; half is good elsewhere. Text encoders are
            float32 on the CPU, the autoencoder is float32, state and results are float32 on the CPU in any case.

    Raises:
        WeightsError: files missing or damaged, or parts that do not fit together.
    """
    from diffusers import UNet2DConditionModel

    config = read_config(installed, "unet/config.json", UNet2DConditionModel.__name__)
    is_xl = _require_prompt_only(config, name)
    schedule = VpSchedule.from_config(read_json(file_of(installed, "scheduler/scheduler_config.json")))
    encoders = [TextEncoder.load(installed)]
    if is_xl:
        encoders.append(TextEncoder.load(installed, "_2", is_projected=True))
    autoencoder = Autoencoder.load(installed, device=device)
    preview = PreviewDecoder.load(installed, autoencoder, device=device)
    prompts = PromptEncoder(encoders)
    _require_fitting(config, autoencoder.channels, prompts.width, name)
    network = load_network(UNet2DConditionModel, installed, "unet/", device=device, dtype=dtype)
    return LatentSpace(Backbone(network), schedule, autoencoder, prompts, preview)


def _placed(embedding: PromptEmbedding, network: Any) -> PromptEmbedding:
    """An embedding moved to where the network is, in its precision."""
    place = {"device": network.device, "dtype": network.dtype}
    pooled = None if embedding.pooled is None else embedding.pooled.to(**place)
    return PromptEmbedding(embedding.tokens.to(**place), pooled)


def _conditions(embedding: PromptEmbedding, u: Tensor, factor: int) -> dict[str, Any]:
    """What the U-Net is told besides the state.

    XL wants to know how large a picture was, where it was cut, and to what size it is to be brought (Podell et al.
    2023, arXiv:2307.01952, section 2.2): here it is whole and stays as it is.
    """
    if embedding.pooled is None:
        return {"encoder_hidden_states": embedding.tokens}
    height, width = factor * u.shape[2], factor * u.shape[3]
    # Up to a few thousand: single precision, because half of it would round the sizes.
    sizes = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32, device=embedding.tokens.device)
    added = {"text_embeds": embedding.pooled, "time_ids": sizes}
    return {"encoder_hidden_states": embedding.tokens, "added_cond_kwargs": added}


def _require_prompt_only(config: Mapping[str, Any], name: str) -> bool:
    """Whether a U-Net is one of XL.

    Raises:
        WeightsError: if it needs more than a state, a timestep and a prompt.
    """
    more = [key for key in UNSUPPORTED if config.get(key) is not None]
    added = config.get("addition_embed_type")
    if added not in (None, "text_time"):
        more.append("addition_embed_type")
    if more:
        raise WeightsError(f"The model '{name}' needs more than a prompt ({', '.join(more)}); DiffC cannot provide it.")
    return added is not None


def _require_fitting(config: Mapping[str, Any], channels: int, width: int, name: str) -> None:
    """Check that a U-Net was made for latents of so many channels and text vectors of this width.

    Raises:
        WeightsError: if it was not.
    """
    inputs, outputs = config.get("in_channels", 4), config.get("out_channels", 4)
    if inputs != channels or outputs != channels:
        raise WeightsError(
            f"The U-Net of '{name}' turns {inputs} channels into {outputs}, but its autoencoder has {channels}. "
            "Models for inpainting or depth do not work here."
        )
    attended = config.get("cross_attention_dim", 1280)
    if attended != width:
        raise WeightsError(
            f"The U-Net of '{name}' attends to vectors of {attended} numbers, but its text encoders make {width}."
        )
