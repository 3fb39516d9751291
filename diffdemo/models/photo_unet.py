"""PhotoUNet: a small, fully convolutional denoiser for photographs of any size.

    z [B,3,H,W] --c_in--> unshuffle x2 --> conv --> level 0 ... level 4 --> conv --> shuffle x2 --c_out--> + c_skip z
                                                    (32 ... 160 channels, 1/2 ... 1/32 resolution)

Two decisions make it fit a codec rather than a sampler:

* Normalisation across channels only, pixel by pixel. Group statistics over a picture tie every pixel to every other,
  so that a network trained on crops meets statistics at full size that it has never seen.
* Five levels: a flat sky at high noise needs to be averaged over hundreds of pixels, and a wide receptive field is
  cheap at 1/32 of the resolution.

Source of the preconditioning: Karras et al. 2022 (arXiv:2206.00364), table 1 and eq. 7.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.pixel_norm import pixel_norm, pixel_norm_on_processor, suits_processor

SIGMA_DATA = 0.5
"""Standard deviation of picture values in [-1, 1]; the constant of the preconditioning."""


@dataclass(frozen=True, slots=True)
class PhotoUNetShape:
    """What has to be known to build the network before its weights can be loaded."""

    channels: tuple[int, ...] = (32, 64, 128, 160, 160)
    blocks: tuple[int, ...] = (2, 2, 2, 1, 2)
    embedding: int = 128
    patch: int = 2

    def to_metadata(self) -> dict[str, str]:
        """The shape as strings, the only type that a safetensors header holds."""
        return {
            key: ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> PhotoUNetShape:
        """Inverse of `to_metadata`.

        Raises:
            KeyError, ValueError: if an entry is missing or not a number.
        """
        return cls(
            channels=tuple(int(c) for c in metadata["channels"].split(",")),
            blocks=tuple(int(b) for b in metadata["blocks"].split(",")),
            embedding=int(metadata["embedding"]),
            patch=int(metadata["patch"]),
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions; the noise level scales and shifts what lies between them."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = nn.Linear(embedding, 2 * channels)
        self.conv_out = nn.Conv2d(channels, channels, 3, padding=1)
        _start_at_zero(self.modulation)
        _start_at_zero(self.conv_out)

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Features [B,C,H,W] and noise embedding [B,E] -> [B,C,H,W]."""
        scale, shift = self.modulation(embedding).chunk(2, dim=1)
        if len(embedding) == 1 and suits_processor(h):
            return self._in_few_passes(h, 1 + scale[0], shift[0])
        inner = torch.addcmul(shift[:, :, None, None], self.conv_in(pixel_norm(h)), 1 + scale[:, :, None, None])
        return h + self.conv_out(F.silu(inner))

    def _in_few_passes(self, h: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        """The same for one noise level, [C] gain and shift, with as few passes over memory as a processor can.

        What scales and shifts the first convolution's output scales and shifts its weights as well.
        """
        weight = (self.conv_in.weight * gain[:, None, None, None]).contiguous(memory_format=torch.channels_last)
        bias = torch.addcmul(shift, cast(Tensor, self.conv_in.bias), gain)
        inner = F.conv2d(pixel_norm_on_processor(h), weight, bias, padding=1)
        out: Tensor = self.conv_out(F.silu(inner, inplace=True))
        return out.add_(h)


def _start_at_zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


class PhotoUNet(nn.Module):
    """x_hat = E[x | z = x + sigma n] for pictures in [-1, 1]; sides must be multiples of `multiple`."""

    frequencies: Tensor

    def __init__(self, shape: PhotoUNetShape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or PhotoUNetShape()
        channels, embedding = shape.channels, shape.embedding
        pixels = 3 * shape.patch**2

        self.register_buffer("frequencies", 0.25 * 2 ** torch.linspace(0, 4, 16), persistent=False)
        self.embed = nn.Sequential(nn.Linear(32, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        self.conv_in = nn.Conv2d(pixels, channels[0], 3, padding=1)
        self.down_blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(c, embedding) for _ in range(n))
            for c, n in zip(channels, shape.blocks, strict=True)
        )
        self.down = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(channels))
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in pairwise(channels))
        self.up_blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(c, embedding) for _ in range(n))
            for c, n in zip(channels[:-1], shape.blocks[:-1], strict=True)
        )
        self.conv_out = nn.Conv2d(channels[0], pixels, 3, padding=1)
        _start_at_zero(self.conv_out)

    @property
    def multiple(self) -> int:
        """Sides of the input must be divisible by this."""
        return self.shape.patch * 2 ** (len(self.shape.channels) - 1)

    def raw(self, scaled: Tensor, log_sigma: Tensor) -> Tensor:
        """F of Karras et al. eq. 7: unit-variance input to unit-variance output, both [B,3,H,W]."""
        phase = log_sigma[:, None] * self.frequencies
        embedding = self.embed(torch.cat([phase.sin(), phase.cos()], dim=1))
        h = self.conv_in(F.pixel_unshuffle(scaled, self.shape.patch))
        skips = []
        for level, blocks in enumerate(self.down_blocks):
            for block in blocks:  # type: ignore[attr-defined]
                h = block(h, embedding)
            if level < len(self.down):
                skips.append(h)
                h = self.down[level](h)
        for level in reversed(range(len(self.up))):
            h = self.up[level](h) + skips[level]
            for block in self.up_blocks[level]:  # type: ignore[attr-defined]
                h = block(h, embedding)
        return F.pixel_shuffle(self.conv_out(F.silu(h)), self.shape.patch)

    def forward(self, z: Tensor, sigma: Tensor) -> Tensor:
        """Denoise [B,3,H,W] at noise levels [B].

        Source: Karras et al. 2022, table 1 ("EDM" column) for c_skip, c_out, c_in, c_noise.
        """
        s = sigma[:, None, None, None]
        total = (s**2 + SIGMA_DATA**2).sqrt()
        c_skip = SIGMA_DATA**2 / total**2
        c_out = s * SIGMA_DATA / total
        c_in = 1 / total
        # The skip connection stays in float32 under autocast: at low noise it carries nearly all of the picture.
        return c_skip * z + c_out * self.raw(c_in * z, sigma.log() / 4 * math.pi).to(z.dtype)
