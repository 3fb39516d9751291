"""The part of CoD-Lite's decoder that sees pixels: for each patch, a small network with weights shared by all pixels.

A pixel is told what its patch has to say to this place in it, where in the patch it lies, and the noisy value there.

Source: Jia et al. 2026, CoD-Lite (arXiv:2604.12525); after PixNerd (Wang et al. 2025, arXiv:2507.23268).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cod.layers import NORM_EPSILON
from diffdemo.models.cod.shape import PATCH, CodShape
from diffdemo.models.cod.table import TABLE_WIDTH

PIXELS = PATCH**2
COLOURS = 3


class PixelEmbedding(nn.Module):
    """The layer that takes colour, features and place of a pixel together."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedder = nn.ModuleList([nn.Linear(COLOURS + width + TABLE_WIDTH, width)])

    @property
    def joined(self) -> nn.Linear:
        """The layer: 3 + D + 64 numbers into D."""
        layer = self.embedder[0]
        assert isinstance(layer, nn.Linear)
        return layer


class PixelBlock(nn.Module):
    """A perceptron on the channels of a pixel, modulated by what its patch tells it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_ln = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        # In the released files it is the second of two layers; the first one is done before, once for all blocks.
        self.adaLN_modulation = nn.Sequential(nn.Identity(), nn.Linear(width, 3 * width))

    def forward(self, q: Tensor, told: Tensor) -> Tensor:
        """Features and activated modulation, each [..., D] -> features."""
        shift, scale, gate = self.adaLN_modulation(told).chunk(3, dim=-1)
        h = torch.addcmul(shift, self.in_ln(q), 1 + scale)
        return torch.addcmul(q, gate, self.mlp(h))


class PixelNetwork(nn.Module):
    """The blocks, and what they need from outside."""

    def __init__(self, shape: CodShape) -> None:
        super().__init__()
        width = shape.pixel_width
        self.cond_embed = nn.Linear(shape.width, PIXELS * width)
        self.input_proj = nn.Linear(width, width)
        self.res_blocks = nn.ModuleList(PixelBlock(width) for _ in range(shape.pixel_blocks))


class Gain(nn.Module):
    """Division by the root mean square over the channels, and a gain for each."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, q: Tensor) -> Tensor:
        """[..., D] -> [..., D]."""
        return F.rms_norm(q, q.shape[-1:], self.weight, NORM_EPSILON)


class FinalLayer(nn.Module):
    """Features of a pixel into its colour."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = Gain(width)
        self.linear = nn.Linear(width, COLOURS)

    def forward(self, q: Tensor) -> Tensor:
        """[..., D] -> [..., 3]."""
        return self.linear(self.norm(q))


def patches_of(image: Tensor) -> Tensor:
    """[B,3,16h,16w] -> [B,h,w,256,3]."""
    batch, colours, height, width = image.shape
    grid = image.view(batch, colours, height // PATCH, PATCH, width // PATCH, PATCH)
    return grid.permute(0, 2, 4, 3, 5, 1).reshape(batch, height // PATCH, width // PATCH, PIXELS, colours)


def image_of(patches: Tensor) -> Tensor:
    """Inverse of `patches_of`."""
    batch, down, across, _, colours = patches.shape
    grid = patches.view(batch, down, across, PATCH, PATCH, colours)
    return grid.permute(0, 5, 1, 3, 2, 4).reshape(batch, colours, down * PATCH, across * PATCH)
