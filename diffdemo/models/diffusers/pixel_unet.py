"""Unconditional diffusion models on pixels in the format of diffusers, such as Google's DDPM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from diffdemo.diffusion.vp import VpDenoiser, VpSchedule
from diffdemo.errors import WeightsError
from diffdemo.models.diffusers.backbone import Backbone
from diffdemo.models.diffusers.components import (
    count_bytes,
    count_parameters,
    file_of,
    load_network,
    read_config,
    read_json,
)
from diffdemo.models.space import PixelSpace, Space
from diffdemo.models.spec import ModelFiles


def load_pixel_space(installed: ModelFiles, *, name: str, device: torch.device, dtype: torch.dtype) -> Space:
    """Read a `diffusers.UNet2DModel` and its scheduler's configuration.

    Args:
        installed: files "config.json", "scheduler_config.json" (or in "scheduler/") and
            "diffusion_pytorch_model.safetensors" (or ".bin").
        name: of the model, for messages.
        device: where the network runs.
        dtype: of the network: float32 on the CPU, where half precision is slow; half is good elsewhere. State and
            result are float32 on the CPU in any case.

    Raises:
        WeightsError: files missing or damaged, or of a model that is no unconditional one on colour pictures.
    """
    from diffusers import UNet2DModel

    require_unconditional(read_config(installed, "config.json", UNet2DModel.__name__), name)
    schedule = VpSchedule.from_config(
        read_json(file_of(installed, "scheduler_config.json", "scheduler/scheduler_config.json"))
    )
    network = load_network(UNet2DModel, installed, "", device=device, dtype=dtype)
    denoiser = VpDenoiser(Backbone(network), schedule, clip=schedule.clip)
    return PixelSpace(
        denoiser, num_parameters=count_parameters([network]), num_bytes=count_bytes([network]), device=device
    )


def require_unconditional(config: Mapping[str, Any], name: str) -> None:
    """Check that a UNet2DModel needs nothing but a picture in colour and a timestep that may be fractional.

    Raises:
        WeightsError: saying what else it needs.
    """
    if config.get("class_embed_type") is not None or config.get("num_class_embeds") is not None:
        raise WeightsError(f"The model '{name}' has to be told the class of a picture; DiffC cannot tell it.")
    embedding = config.get("time_embedding_type", "positional")
    if embedding != "positional":
        raise WeightsError(
            f"The model '{name}' embeds its timesteps as '{embedding}'; only 'positional' is known here."
        )
    inputs, outputs = config.get("in_channels", 3), config.get("out_channels", 3)
    if inputs != 3 or outputs not in (3, 6):
        raise WeightsError(
            f"The model '{name}' turns {inputs} channels into {outputs}; pictures have 3, and a network puts out 3 "
            "of them, or 6 with its variances."
        )
