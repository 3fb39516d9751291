"""Models of a few numbers that are the same on every machine: the golden files were made with them.

Nothing here comes from a random generator of a library: weights are dyadic fractions drawn by Philox, whose own
golden values are checked first.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor

from diffdemo.codecs.cdc import Cdc
from diffdemo.codecs.diffc import DiffC
from diffdemo.diffusion.spectrum import Spectrum
from diffdemo.models.cdc.layers import ChannelNorm
from diffdemo.models.cdc.model import CdcModel, CdcNetwork, CdcShape, Family
from diffdemo.models.space import PixelSpace
from tests.golden.numbers import noise
from tests.latent_space import BlockMeans

FINGERPRINT = b"gold"
HEIGHT, WIDTH = 36, 40


class Scene:
    """The posterior mean of pictures that are dark at the left, bright below, and wildest on the upper right.

    x ~ N(mean, variance), each a ramp over the picture: mirroring it in any way changes both, so that no two views of
    a state have the same answer.
    """

    sigma_min = 0.01

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        mean, variance = scene(*z.shape[1:])
        return mean + variance / (variance + sigma**2) * (z - mean)


class SixParameters(BlockMeans):
    """A signal that is no picture, words, and several views: all that a header can say."""

    most_views = 4
    spectrum = None
    bears_bfloat16 = False

    def denoiser(self, prompt: str = "") -> SceneBeside:
        return SceneBeside(0.25 if prompt else 0.0)


class SceneBeside:
    """`Scene`, shifted by what was said."""

    sigma_min = 0.01

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def denoise(self, z: Tensor, sigma: float) -> Tensor:
        return self.shift + Scene().denoise(z - self.shift, sigma)


def scene(channels: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Mean and variance of the pictures that `Scene` knows, float32 [1,C,H,W] each."""
    c, y, x = np.mgrid[0:channels, 0:height, 0:width]
    across, down = x / max(1, width - 1), y / max(1, height - 1)
    mean = 0.7 * across + 0.5 * down - 0.6 + 0.1 * c
    variance = 0.01 + 0.08 * across * (1 - down) + 0.01 * c
    return tuple(torch.from_numpy(array.astype(np.float32))[None] for array in (mean, variance))


def picture(number: int) -> np.ndarray:
    """A picture that `Scene` expects, uint8 [36,40,3]."""
    mean, variance = (tensor[0].numpy() for tensor in scene(3, HEIGHT, WIDTH))
    values = mean + np.sqrt(variance) * noise((3, HEIGHT, WIDTH), number)
    return np.clip((values + 1) * 127.5, 0, 255).round().astype(np.uint8).transpose(1, 2, 0)


def spectrum() -> Spectrum:
    """About what `Scene` misses, in whole numbers; less in high frequencies and in colour, the more the less noise."""
    levels = (-120, *(min(-277, 512 - 64 * i) for i in range(20)))
    rows = [
        [
            level - (2 + i) * ring - (25 - i) * colour - (5 * ring * colour) % 3
            for colour in range(3)
            for ring in range(10)
        ]
        for i, level in enumerate(levels)
    ]
    return Spectrum(rows)


def diffc(most_views: int = 4, *, has_spectrum: bool = False) -> DiffC:
    space = PixelSpace(Scene(), most_views=most_views, spectrum=spectrum() if has_spectrum else None)
    return DiffC(space, fingerprint=FINGERPRINT)


def diffc_of_latents() -> DiffC:
    return DiffC(SixParameters(4), fingerprint=FINGERPRINT)


@functools.cache
def cdc(family: Family) -> Cdc:
    """The smallest network of the released layout, 216,000 weights."""
    network = CdcNetwork(CdcShape(family, 4))
    with torch.no_grad():
        for number, (name, tensor) in enumerate(network.state_dict().items()):
            tensor.copy_(_weights(name, tuple(tensor.shape), number))
        # What this family adds up in a few steps is large: too large a head would saturate every pixel.
        if family is Family.EPSILON:
            network.unet.head.weight.mul_(2.0**-9)
            network.unet.head.bias.zero_()
        for layer in network.modules():
            if isinstance(layer, ChannelNorm):
                layer.gain.add_(1)
    return Cdc(CdcModel(network, sha256="0" * 64, device=torch.device("cpu")), fingerprint=FINGERPRINT)


def _weights(name: str, shape: tuple[int, ...], number: int) -> Tensor:
    """Numbers whose layers keep the size of what they are given: their deviation is the root of 1 / inputs."""
    inputs = max(1, int(np.prod(shape[1:]))) if len(shape) == 4 else 16
    exponent = 0 if "prior" in name else -round(np.log2(inputs) / 2)
    return torch.from_numpy((noise(shape, number) * 2.0**exponent).astype(np.float32))
