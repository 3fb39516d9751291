"""The part of CoD-Lite's decoder that sees patches: what it is told, 21 convolutional blocks, and the time.

Source: Jia et al. 2026, CoD-Lite (arXiv:2604.12525); modulation by time after Peebles, Xie 2023 (arXiv:2212.09748).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cod.layers import NORM_EPSILON
from diffdemo.models.cod.shape import PATCH, CodShape

TIME_FREQUENCIES = 128
SLOWEST_PERIOD = 10_000
MLP_RATIO = 4
MODULATIONS = 6
"""Vectors that a block takes from the time: shift, scale and gate, for each of its two halves."""


class TimeEmbedding(nn.Module):
    """A time as sines and cosines, then two layers."""

    def __init__(self, width: int, slowest: float = SLOWEST_PERIOD) -> None:
        super().__init__()
        self._slowest = slowest
        self.mlp = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, time: float) -> Tensor:
        """Time, 0 for noise to 1 for a clean picture -> [C]."""
        steps = torch.arange(TIME_FREQUENCIES, dtype=torch.float64) / TIME_FREQUENCIES
        angles = time * self._slowest**-steps
        waves = torch.cat([angles.cos(), angles.sin()])
        return self.mlp(waves.to(next(self.parameters())))


class PatchEmbedding(nn.Module):
    """What a patch starts from: the noisy picture there, where there is one, and what the codes say."""

    def __init__(self, shape: CodShape) -> None:
        super().__init__()
        self.proj1 = nn.Conv2d(3, shape.patch_channels, PATCH, stride=PATCH, bias=False)
        self.proj2 = nn.Conv2d(shape.patch_channels + shape.width, shape.width, 1)

    def forward(self, context: Tensor, noisy: Tensor | None) -> Tensor:
        """[B,C,h,w] and [B,3,16h,16w] -> [B,C,h,w]. Without a noisy picture, as if it were zero everywhere."""
        if noisy is None:
            own = self.proj1.out_channels
            return F.conv2d(context, self.proj2.weight[:, own:], self.proj2.bias)
        return self.proj2(torch.cat([self.proj1(noisy), context], dim=1))


class Block(nn.Module):
    """Depthwise convolution with attention over channels, then a perceptron; both gated, beside a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.ca = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width, 1))
        self.conv3 = nn.Conv2d(width, width, 1)
        self.conv4 = nn.Conv2d(width, MLP_RATIO * width, 1)
        self.conv5 = nn.Conv2d(MLP_RATIO * width, width, 1)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, MODULATIONS * width))

    def forward(self, s: Tensor, modulation: Tensor) -> Tensor:
        """[B,C,h,w] and [6,C] -> [B,C,h,w]."""
        shift, scale, gate, shift_after, scale_after, gate_after = modulation
        h = F.gelu(self.conv2(self.conv1(_modulated(s, shift, scale))))
        h = h * self.ca(h).sigmoid()
        s = torch.addcmul(s, self.conv3(h), _column(gate))
        h = self.conv5(F.gelu(self.conv4(_modulated(s, shift_after, scale_after))))
        return torch.addcmul(s, h, _column(gate_after))


def _column(vector: Tensor) -> Tensor:
    """[C] as [1,C,1,1]."""
    return vector[None, :, None, None]


def _modulated(s: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Each place normalised over its channels, then scaled by 1 + `scale` and shifted, in one pass; [B,C,h,w]."""
    last = s.permute(0, 2, 3, 1)
    return F.layer_norm(last, (last.shape[-1],), 1 + scale, shift, NORM_EPSILON).permute(0, 3, 1, 2)
