"""From pictures to the latents of Stable Diffusion and back.

Autoencoders always run in float32: that of Stable Diffusion XL overflows in half precision.
"""

from __future__ import annotations

import threading
from typing import Any

import torch
from torch import Tensor

from diffdemo.errors import WeightsError
from diffdemo.images import mirrored
from diffdemo.models.diffusers.components import load_network
from diffdemo.models.evaluation import evaluation
from diffdemo.models.spec import ModelFiles

MAX_WHOLE_PIXELS = 1 << 20
"""Larger pictures go through an autoencoder in tiles that overlap: a whole megapixel takes about 4 GiB."""
TILE = 512
"""Side of a tile in pixels."""


class Autoencoder:
    """An `AutoencoderKL`, between pictures and the latents that its U-Net was trained on.

    Args:
        network: with weights, in float32.

    Attributes:
        channels: of the latents.
        factor: pixels per latent along each side.
    """

    def __init__(self, network: Any) -> None:
        config = network.config
        self.network = network
        self._tiling = threading.Lock()
        self.channels: int = config.latent_channels
        self.factor = 2 ** (len(config.block_out_channels) - 1)
        network.tile_sample_min_size, network.tile_latent_min_size = TILE, TILE // self.factor
        self._offset, self._gain = _normalisation(config, network.device)

    @classmethod
    def load(cls, installed: ModelFiles, *, device: torch.device) -> Autoencoder:
        """Read it from "vae/".

        Raises:
            WeightsError: missing, damaged, or of another architecture.
        """
        from diffusers import AutoencoderKL

        network = load_network(AutoencoderKL, installed, "vae/", device=device, dtype=torch.float32)
        if network.config.in_channels != 3 or network.config.out_channels != 3:
            raise WeightsError(f"The autoencoder of '{installed.name}' is not for colour pictures.")
        return cls(network)

    @evaluation
    @torch.inference_mode()
    def encode(self, image: Tensor) -> Tensor:
        """Mean of the latents' posterior: [1,3,H,W] -> float32 [1, channels, ceil(H/factor), ceil(W/factor)], CPU.

        The mean and not a draw, because the noise of a draw would have to be paid for in bits.
        """
        padded = mirrored(image, self.factor).to(self._offset)
        with self._tiling:
            _tile_if_large(self.network, padded.shape[2] * padded.shape[3])
            mean: Tensor = self.network.encode(padded).latent_dist.mode()
        return ((mean - self._offset) * self._gain).cpu()

    @evaluation
    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """[1,channels,h,w] -> float32 [1, 3, factor h, factor w] on the CPU, values near [-1, 1]."""
        inner = latents.to(self._offset) / self._gain + self._offset
        with self._tiling:
            _tile_if_large(self.network, inner.shape[2] * inner.shape[3] * self.factor**2)
            image: Tensor = self.network.decode(inner).sample
        return image.cpu()


class PreviewDecoder:
    """An `AutoencoderTiny` (TAESD): latents to a picture in a small part of the time, for glances.

    Args:
        network: with weights, in float32.
        factor: pixels per latent along each side.
    """

    def __init__(self, network: Any, *, factor: int) -> None:
        self.network = network
        self._tiling = threading.Lock()
        self._factor = factor

    @classmethod
    def load(cls, installed: ModelFiles, autoencoder: Autoencoder, *, device: torch.device) -> PreviewDecoder | None:
        """Read it from "preview/"; None if the model has none.

        Raises:
            WeightsError: damaged, of another architecture, or for other latents than those of `autoencoder`.
        """
        from diffusers import AutoencoderTiny

        if "preview/config.json" not in installed.files:
            return None
        network = load_network(AutoencoderTiny, installed, "preview/", device=device, dtype=torch.float32)
        factor = 2 ** (len(network.config.decoder_block_out_channels) - 1)
        if (network.config.latent_channels, factor) != (autoencoder.channels, autoencoder.factor):
            raise WeightsError(
                f"The preview decoder of '{installed.name}' is for {network.config.latent_channels} channels and "
                f"{factor} pixels a side; its autoencoder has {autoencoder.channels} and {autoencoder.factor}."
            )
        return cls(network, factor=factor)

    @evaluation
    @torch.inference_mode()
    def decode(self, latents: Tensor) -> Tensor:
        """[1,channels,h,w] -> float32 [1, 3, factor h, factor w] on the CPU, values near [-1, 1]."""
        placed = latents.to(device=self.network.device, dtype=torch.float32) / self.network.config.scaling_factor
        with self._tiling:
            _tile_if_large(self.network, latents.shape[2] * latents.shape[3] * self._factor**2)
            image: Tensor = self.network.decode(placed + self.network.config.shift_factor).sample
        return image.cpu()


def _normalisation(config: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Offset and gain, [1,C,1,1]: the U-Net sees gain (latent - offset).

    Source: Rombach et al. 2022 (arXiv:2112.10752), appendix G: latents are scaled to unit variance. Later models shift
    them too, all channels alike (`shift_factor`) or each its own way (`latents_mean`, `latents_std`).
    """
    ones = torch.ones(1, config.latent_channels, 1, 1, device=device)
    offset, gain = ones * (config.get("shift_factor") or 0.0), ones * config.scaling_factor
    mean, std = config.get("latents_mean"), config.get("latents_std")
    if mean is not None and std is not None:
        offset = ones * torch.tensor(mean, device=device).view(1, -1, 1, 1)
        gain = gain / torch.tensor(std, device=device).view(1, -1, 1, 1)
    return offset, gain


def _tile_if_large(network: Any, num_pixels: int) -> None:
    """Bound an autoencoder's memory, at the price of each tile being normalised by itself.

    The network remembers it, so that one call at a time may set it and run.
    """
    network.use_tiling = num_pixels > MAX_WHOLE_PIXELS
