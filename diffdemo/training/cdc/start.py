"""A start for CDC from which every step of training is an improvement: principal components.

Random networks of this depth spend their first hour on becoming linear transforms. So the linear path through skip
connections and resampling begins as one: 2x2 blocks are turned into principal components, stage after stage, as far as
the stages' widths allow, and the decoder turns them back. What is not linear begins near zero and learns what the
components miss. The same picture is later handed through the U-Net.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cdc.layers import LinearAttention, ResBlock
from diffdemo.models.cdc.model import CdcNetwork

SMALL = 0.01
LATENT_SCALE = 6.0
"""Latents in units of the quantisation step that the price of a bit at delta = 1 asks for (high-rate theory: the error
of a step q is q^2/12 a coefficient, a bit halves it twice, and lambda = 0.001 then asks for q = 0.16 on [-1, 1]).
Training counts rates with noise, and half as high a price again turned out a little better; the scale was kept."""
ANCHOR = 12.0
"""A constant beside the picture in the U-Net's last layer, so large that the norm hardly depends on the picture."""


@torch.no_grad()
def start_compressor(network: CdcNetwork, head: nn.Conv2d, crops: Tensor) -> None:
    """Make encoder and context decoder a transform by principal components of 2x2 blocks, learned from crops.

    Args:
        network: new.
        head: 1x1 convolution from the finest context to RGB.
        crops: [N,3,H,W] in [-1,1], sides multiples of 16.
    """
    compressor = network.compressor
    _quiet(compressor)
    components = []
    h = crops
    stages: Any = compressor.encoder
    for block, down in stages:
        bases = _principal_components(h, down.out_channels)
        components.append(bases)
        if isinstance(block.skip, nn.Conv2d):
            _set_identity(block.skip, h.shape[1])
        down.weight.mul_(SMALL)
        down.weight[: len(bases), : h.shape[1]] = 0
        # Of three positions with stride two, the last two are the block's own.
        down.weight[: len(bases), : h.shape[1], 1:, 1:] = bases
        down.bias.zero_()
        h = F.conv2d(h, bases, stride=2)
    down.weight[: len(bases)] *= LATENT_SCALE

    used = h.shape[1]
    stages = compressor.context_decoder
    for number, ((block, up), bases) in enumerate(zip(stages, reversed(components), strict=True)):
        used = min(used, up.in_channels)
        if isinstance(block.skip, nn.Conv2d):
            _set_identity(block.skip, used)
        out = min(bases.shape[1], up.out_channels)
        up.weight.mul_(SMALL)
        up.weight[:, :out] = 0
        up.weight[:used, :out, 1:3, 1:3] = bases[:used, :out] / (1 if number else LATENT_SCALE)
        up.bias.zero_()
        used = out
    _set_identity(head, 3)

    # Scales begin as those of the components, or the likelihood of large ones would be at its floor.
    scales = compressor.hyper_decoder[-1].bias
    assert isinstance(scales, Tensor)
    scales[compressor.channels :] = 1.0
    scales[compressor.channels :][: h.shape[1]] += LATENT_SCALE * h.std(dim=(0, 2, 3))


@torch.no_grad()
def start_denoiser(network: CdcNetwork, head: nn.Conv2d) -> None:
    """Make the U-Net hand the picture through that `head` finds in the finest context."""
    unet = network.unet
    _quiet(unet)
    haar = _haar(3)
    levels: Any = unet.down[0], unet.down[1], unet.up[-1]
    first, second, last = levels
    finest = head.in_channels
    skip = first.first.skip
    skip.weight[:3] = 0
    skip.weight[:3, 3 : 3 + finest] = head.weight
    skip.bias[:3] = head.bias
    down = first.resample
    down.weight[:12] = 0
    down.weight[:12, :3, 1:, 1:] = haar
    down.bias[:12] = 0
    assert isinstance(second.first.skip, nn.Identity)

    skip = last.first.skip
    arriving = skip.in_channels // 2
    skip.weight[:12] = 0
    for channel in range(12):
        skip.weight[channel, arriving + channel] = 1
    skip.bias[:12] = 0
    up = last.resample
    up.weight.mul_(SMALL)
    up.weight[:, :8] = 0
    up.weight[:12, :3, 1:3, 1:3] = haar
    up.weight[:12, 3:6, 1:3, 1:3] = -haar
    up.bias.zero_()
    up.bias[6], up.bias[7] = ANCHOR, -ANCHOR
    deviation = ((2 * ANCHOR**2 + 2 * 0.75) / up.out_channels) ** 0.5
    unet.head.weight.mul_(SMALL)
    unet.head.weight[:, :8] = 0
    assert unet.head.bias is not None
    unet.head.bias.zero_()
    for channel in range(3):
        unet.head.weight[channel, channel, 3, 3] = deviation / 2
        unet.head.weight[channel, 3 + channel, 3, 3] = -deviation / 2


def _quiet(module: nn.Module) -> None:
    """Let everything beside the linear path begin near zero, but not at it, where rectifiers would stay."""
    for part in module.modules():
        if isinstance(part, ResBlock):
            part.second.norm.gain.fill_(SMALL)
        elif isinstance(part, LinearAttention):
            part.out.weight.mul_(SMALL)
            assert part.out.bias is not None
            part.out.bias.zero_()


def _set_identity(conv: nn.Conv2d, count: int) -> None:
    """Hand the first `count` channels through a 1x1 convolution; the others begin small."""
    count = min(count, conv.out_channels)
    conv.weight.mul_(SMALL)
    conv.weight[:count] = 0
    for channel in range(count):
        conv.weight[channel, channel] = 1
    assert conv.bias is not None
    conv.bias.zero_()


def _principal_components(h: Tensor, most: int) -> Tensor:
    """Orthonormal bases [K,C,2,2] of the 2x2 blocks of [N,C,H,W], the strongest first, at most `most`."""
    channels = h.shape[1]
    blocks = F.unfold(h, 2, stride=2).transpose(1, 2).reshape(-1, 4 * channels).double()
    _, vectors = torch.linalg.eigh(blocks.T @ blocks)
    strongest = vectors.flip(1).T[: min(most, 4 * channels)]
    return strongest.float().reshape(-1, channels, 2, 2)


def _haar(channels: int) -> Tensor:
    """Orthonormal bases [4C,C,2,2]: mean, two edges and the checkerboard of each channel."""
    signs = torch.tensor([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]]) / 2
    bases = torch.zeros(4, channels, channels, 2, 2)
    for channel in range(channels):
        bases[:, channel, channel] = signs
    return bases.flatten(0, 1)
