"""CDC's conditional denoiser: a U-Net that is told the content and asked for the texture.

Source: Yang, Mandt 2023 (arXiv:2209.06950).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from diffdemo.models.cdc.layers import ChannelNorm, LinearAttention, ResBlock, downsample, upsample

LEVELS = 6


class _Level(nn.Module):
    """Two residual blocks and attention at one resolution, then the way to the next one."""

    def __init__(self, channels_in: int, channels: int, embedding: int, resample: nn.Module, kernel: int = 3) -> None:
        super().__init__()
        self.first = ResBlock(channels_in, channels, kernel=kernel, embedding=embedding)
        self.second = ResBlock(channels, channels, embedding=embedding)
        self.attention = LinearAttention(channels)
        self.resample = resample

    def forward(self, h: Tensor, embedding: Tensor) -> Tensor:
        """Features at this resolution, before they are resampled."""
        h = self.first(h, embedding)
        h = self.second(h, embedding)
        h = self.attention(h)
        return h


class ConditionalUNet(nn.Module):
    """What the noisy picture hides, given the content: the clean picture or the noise, as the family wants it.

    Args:
        width: base channels (64 in the released models).
        told: channels of the context at full, 1/2, 1/4 and 1/8 resolution.
    """

    multiple = 32

    def __init__(self, width: int, told: tuple[int, ...]) -> None:
        super().__init__()
        channels = [width * (level + 1) for level in range(LEVELS)]
        entering = [3 + told[0], *(channels[i - 1] + told[i] for i in range(1, 4)), channels[3], channels[4]]
        # Time enters as a plain number, without sinusoids.
        self.time = nn.Sequential(nn.Linear(1, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.down = nn.ModuleList(
            _Level(
                entering[i],
                channels[i],
                width,
                downsample(channels[i]) if i < LEVELS - 1 else nn.Identity(),
                kernel=3 if i else 7,
            )
            for i in range(LEVELS)
        )
        self.middle_first = ResBlock(channels[-1], channels[-1], embedding=width)
        self.middle_attention = LinearAttention(channels[-1])
        self.middle_second = ResBlock(channels[-1], channels[-1], embedding=width)
        # Each level of the way up starts from what arrives and what its equal on the way down has kept.
        self.up = nn.ModuleList(
            _Level(2 * channels[i], channels[i - 1], width, upsample(channels[i - 1], channels[i - 1]))
            for i in range(LEVELS - 1, 0, -1)
        )
        self.norm = ChannelNorm(width)
        self.head = nn.Conv2d(width, 3, 7, padding=3)

    def forward(self, x: Tensor, time: Tensor, context: list[Tensor]) -> Tensor:
        """Noisy picture [B,3,H,W], time [B] in [0,1], context as `Compressor.context` gives it -> [B,3,H,W]."""
        embedding = self.time(time[:, None])
        kept = []
        h = x
        for number, level in enumerate(self.down):
            if number < len(context):
                h = torch.cat([h, context[number]], dim=1)
            h = level(h, embedding)
            # What level 0 makes is never asked for on the way up: there is no up level at full resolution.
            if number > 0:
                kept.append(h)
            h = level.resample(h)  # type: ignore[operator]
        h = self.middle_first(h, embedding)
        h = self.middle_attention(h)
        h = self.middle_second(h, embedding)
        for level in self.up:
            h = torch.cat([h, kept.pop()], dim=1)
            h = level.resample(level(h, embedding))  # type: ignore[operator]
        return self.head(self.norm(h))
