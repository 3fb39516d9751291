"""The layers that CDC's networks are built from.

Source: Yang, Mandt 2023, "Lossy Image Compression with Conditional Diffusion Models" (arXiv:2209.06950).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
"""Of every leaky rectifier in the model, for inputs below zero."""


class ChannelNorm(nn.Module):
    """Normalises over the channels of each pixel by itself, so that nothing depends on the size of the picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, h: Tensor) -> Tensor:
        """[B,C,H,W] -> [B,C,H,W]."""
        # Channels are what lies together in memory (channels_last), so that this is one fused pass.
        last = h.permute(0, 2, 3, 1)
        normal = F.layer_norm(last, (last.shape[-1],), self.gain.to(h.dtype), self.bias.to(h.dtype), 1e-5)
        return normal.permute(0, 3, 1, 2)


class ConvBlock(nn.Module):
    """Convolution, normalisation, rectifier."""

    def __init__(self, channels_in: int, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, padding=kernel // 2)
        self.norm = ChannelNorm(channels)

    def forward(self, h: Tensor) -> Tensor:
        """[B,C_in,H,W] -> [B,C,H,W]."""
        return F.relu(self.norm(self.conv(h)), inplace=not torch.is_grad_enabled())


class ResBlock(nn.Module):
    """Two convolution blocks beside a skip connection; a time embedding, where there is one, shifts what lies between.

    Args:
        channels_in, channels: where they are equal, the skip connection is the identity.
        kernel: of the first convolution.
        embedding: length of the time embedding; 0 for a block without.
    """

    def __init__(self, channels_in: int, channels: int, *, kernel: int = 3, embedding: int = 0) -> None:
        super().__init__()
        self.first = ConvBlock(channels_in, channels, kernel)
        self.time = nn.Linear(embedding, channels) if embedding else None
        self.second = ConvBlock(channels, channels)
        self.skip = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else nn.Identity()

    def forward(self, h: Tensor, embedding: Tensor | None = None) -> Tensor:
        """[B,C_in,H,W] and, if the block has a time input, [B,E] -> [B,C,H,W]."""
        inner = self.first(h)
        if self.time is not None:
            assert embedding is not None
            inner = inner + self.time(F.leaky_relu(embedding, SLOPE))[:, :, None, None]
        inner = self.second(inner)
        return inner + self.skip(h)


class LinearAttention(nn.Module):
    """Every pixel asks the same summary of all pixels; cost grows with the number of pixels and no faster.

    Source: Shen et al. 2021, "Efficient Attention" (arXiv:1812.01243), one head as wide as the input, softmax on the
    keys only.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """[B,C,H,W] -> [B,C,H,W], the input added."""
        batch, channels, height, width = h.shape
        mixed = self.query_key_value(self.norm(h)).permute(0, 2, 3, 1).reshape(batch, height * width, 3 * channels)
        query, key, value = mixed.split(channels, dim=-1)
        # The softmax over all pixels is divided out after the sum: one pass less over the keys.
        weight = (key.float() - key.float().amax(dim=1, keepdim=True)).exp()
        total = weight.sum(dim=1)[:, :, None]
        summary = (weight.to(value.dtype).transpose(1, 2) @ value).float() / total * channels**-0.5
        answer = query @ summary.to(query.dtype)
        return h + self.out(answer.view(batch, height, width, channels).permute(0, 3, 1, 2))


def downsample(channels: int) -> nn.Conv2d:
    """Half the sides, [B,C,H,W] -> [B,C,H/2,W/2]."""
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)


def upsample(channels_in: int, channels: int) -> nn.ConvTranspose2d:
    """Twice the sides, [B,C_in,H,W] -> [B,C,2H,2W]."""
    return nn.ConvTranspose2d(channels_in, channels, 4, stride=2, padding=1)
