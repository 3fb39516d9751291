"""The layers that the encoder of CoD-Lite and the decoder of its codes are built from.

Attributes are named as in the released files, here and in all of this model, so that weights need no translation.

Source: Jia et al. 2026, "CoD-Lite: Real-Time Diffusion-Based Generative Image Compression" (arXiv:2604.12525), on the
autoencoder of Esser, Rombach, Ommer 2021 (arXiv:2012.09841).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
        # Nested, so that nothing is kept longer than it is needed: these maps are what memory goes to.
        inner = self.conv2(self.norm2.activated(self.conv1(self.norm1.activated(h))))
        return inner.add_(h if self.nin_shortcut is None else self.nin_shortcut(h))


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

    Without a window, of the whole map in any case.

    Where a map does not divide into windows, queries, keys and values are repeated beyond its right and lower edges;
    the repeated ones take part like the others.
    """

    def __init__(self, channels: int, groups: int, window: int | None = WINDOW) -> None:
        super().__init__()
        self._window = window
        self.norm = GroupNorm(channels, groups)
        self.q = nn.Conv2d(channels, channels, 1)
        self.k = nn.Conv2d(channels, channels, 1)
        self.v = nn.Conv2d(channels, channels, 1)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """[B,C,H,W] -> [B,C,H,W], the input added; without gradients."""
        normal = self.norm(h)
        window = self._window or max(h.shape[2:])
        whole = max(h.shape[2:]) <= window
        # A band of windows at a time, each into its own place: nobody else asks for it.
        for top in range(0, h.shape[2], window):
            band = normal[:, :, top : top + window]
            missing = (0, 0) if whole else (-band.shape[2] % window, -band.shape[3] % window)
            band.copy_(self._attended(band, min(band.shape[3] + missing[1], window), *missing))
        return normal.add_(h)

    def _attended(self, band: Tensor, side: int, below: int, beyond: int) -> Tensor:
        """What the places of a band learn from each other, [B,C,h,W].

        Args:
            band: one window high, any number of them wide.
            side: width of a window.
            below, beyond: rows and columns that it lacks to be that, to be made by repeating its edges.
        """
        batch, channels, height, width = band.shape
        # Each place has its queries, keys and values to itself: to repeat it before is to repeat them after.
        if below or beyond:
            band = F.pad(band, (0, beyond, 0, below), mode="replicate")
        rows, columns = band.shape[2:]
        query, key, value = (_windows(layer(band), side) for layer in (self.q, self.k, self.v))
        answer = F.scaled_dot_product_attention(query, key, value)
        joined = answer.reshape(batch, columns // side, rows, side, channels).transpose(1, 2)
        whole = joined.reshape(batch, rows, columns, channels).permute(0, 3, 1, 2)
        return self.proj_out(whole[:, :, :height, :width])


def _windows(band: Tensor, side: int) -> Tensor:
    """[B,C,h,W] -> [B W/side, 1, h side, C]."""
    batch, channels, rows, columns = band.shape
    tiles = band.permute(0, 2, 3, 1).reshape(batch, rows, columns // side, side, channels).transpose(1, 2)
    return tiles.reshape(-1, 1, rows * side, channels)


def costs(layers: Iterable[nn.Module], places: int) -> Iterator[int]:
    """Multiplications of layers that follow each other on a map of so many places.

    That is one of each weight at every place, and in attention two of each channel with all that a place asks.
    """
    for layer in layers:
        halves = isinstance(layer, Downsample) or (isinstance(layer, nn.Conv2d) and layer.stride == (2, 2))
        places = places // 4 if halves else places
        asked = 2 * layer.q.out_channels * min(places, WINDOW**2) if isinstance(layer, WindowAttention) else 0
        yield places * (num_weights(layer) + asked)


def num_weights(*layers: nn.Module) -> int:
    """Of layers together."""
    return sum(parameter.numel() for layer in layers for parameter in layer.parameters())
