"""The layers that the encoder of CoD-Lite and the decoder of its codes are built from.

Attributes are named as in the released files, here and in all of this model, so that weights need no translation.

Source: Jia et al. 2026, CoD-Lite (github.com/microsoft/GenCodec), on the autoencoder of Esser, Rombach, Ommer 2021
(arXiv:2012.09841).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NORM_EPSILON = 1e-6
WINDOW = 32
"""Side of the windows that attention is limited to where a map is larger than one."""


class GroupNorm(nn.GroupNorm):
    """Group normalisation with the epsilon of this model."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__(groups, channels, eps=NORM_EPSILON)

    def activated(self, h: Tensor) -> Tensor:
        """Normalised, then SiLU."""
        return F.silu(self(h), inplace=not torch.is_grad_enabled())


class Residual(nn.Module):
    """Two convolutions, each behind a normalisation and SiLU, beside a skip connection."""

    def __init__(self, channels_in: int, channels: int, groups: int) -> None:
        super().__init__()
        self.norm1 = GroupNorm(channels_in, groups)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.norm2 = GroupNorm(channels, groups)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.nin_shortcut = nn.Conv2d(channels_in, channels, 1) if channels_in != channels else None

    def forward(self, h: Tensor) -> Tensor:
        """[B,C_in,H,W] -> [B,C,H,W]."""
        inner = self.conv1(self.norm1.activated(h))
        inner = self.conv2(self.norm2.activated(inner))
        skip = h if self.nin_shortcut is None else self.nin_shortcut(h)
        return inner.add_(skip)


class Downsample(nn.Module):
    """Half the sides, [B,C,H,W] -> [B,C,H/2,W/2]: padded to the right and below only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, h: Tensor) -> Tensor:
        """Zeros on one row and one column, then every other place."""
        return self.conv(F.pad(h, (0, 1, 0, 1)))


class WindowAttention(nn.Module):
    """Each place asks all others: of the whole map if that is no larger than a window, otherwise of its own window.

    Where a map does not divide into windows, queries, keys and values are repeated beyond its right and lower edges;
    the repeated ones take part like the others.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.norm = GroupNorm(channels, groups)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """[B,C,H,W] -> [B,C,H,W], the input added."""
        normal = self.norm(h)
        query, key, value = (_windows(layer(normal)) for layer in (self.q, self.k, self.v))
        answer = F.scaled_dot_product_attention(query, key, value)
        return self.proj_out(_joined(answer, h.shape)).add_(h)


def _window_of(height: int, width: int) -> tuple[int, int]:
    """Height and width of the windows of a map."""
    return (height, width) if max(height, width) <= WINDOW else (WINDOW, WINDOW)


def _windows(h: Tensor) -> Tensor:
    """[B,C,H,W] -> [B * windows, 1, places of a window, C], the map's edges repeated until windows fill it."""
    batch, channels, height, width = h.shape
    rows, columns = _window_of(height, width)
    beyond = (0, -width % columns, 0, -height % rows)
    if any(beyond):
        h = F.pad(h, beyond, mode="replicate")
    down, across = h.shape[2] // rows, h.shape[3] // columns
    tiles = h.permute(0, 2, 3, 1).reshape(batch, down, rows, across, columns, channels).transpose(2, 3)
    return tiles.reshape(-1, 1, rows * columns, channels)


def _joined(tiles: Tensor, shape: torch.Size) -> Tensor:
    """Inverse of `_windows`, without what was repeated beyond the edges."""
    batch, channels, height, width = shape
    rows, columns = _window_of(height, width)
    down, across = -(-height // rows), -(-width // columns)
    grid = tiles.reshape(batch, down, across, rows, columns, channels).transpose(2, 3)
    whole = grid.reshape(batch, down * rows, across * columns, channels).permute(0, 3, 1, 2)
    return whole[:, :, :height, :width].contiguous(memory_format=torch.channels_last)
