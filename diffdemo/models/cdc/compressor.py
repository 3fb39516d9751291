"""CDC's compressor: what becomes bits, and what the diffusion decoder is told.

    picture x --encoder--> y --hyper-encoder--> z        z_hat = round(z - median) + median
                                                         mu, sigma = hyper-decoder(z_hat)
                           y_hat = round((y - mu) / delta) * delta + mu
                           context = context decoder(y_hat), four resolutions

Source: Yang, Mandt 2023 (arXiv:2209.06950), on the mean-scale hyperprior of Minnen, Ballé, Toderici 2018
(arXiv:1809.02736). The released models have delta = 1; other steps are ours (`codecs.cdc`).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diffdemo.models.cdc.layers import SLOPE, ResBlock, downsample, upsample

SMALLEST_SCALE = 0.1
SMALLEST_LIKELIHOOD = 1e-9

PRIOR_WIDTHS = (1, 3, 3, 3, 1)


class FactorizedPrior(nn.Module):
    """A density for each channel of z by itself: a monotone network from values to the logit of their distribution.

    Source: Ballé et al. 2018 (arXiv:1802.01436), appendix 6.1.
    """

    median: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("median", torch.zeros(channels))
        shapes = list(pairwise(PRIOR_WIDTHS))
        # Starts as a wide logistic density: softplus of these weights, over all layers, scales by about 1/4.
        start = [math.log(math.expm1((1 / 4) ** (1 / len(shapes)) / out)) for _, out in shapes]
        self.matrices = nn.ParameterList(
            torch.full((channels, *shape), value) for shape, value in zip(shapes, start, strict=True)
        )
        self.biases = nn.ParameterList(torch.rand(channels, out) - 0.5 for _, out in shapes)
        self.factors = nn.ParameterList(torch.zeros(channels, out) for _, out in shapes[:-1])

    @torch.no_grad()
    def centre(self) -> None:
        """Set the medians to where the distribution is one half, by bisection within +-64."""
        low, high = torch.full_like(self.median, -64.0), torch.full_like(self.median, 64.0)
        for _ in range(24):
            middle = (low + high) / 2
            above = self.logit(middle[:, None])[:, 0] > 0
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        self.median.copy_((low + high) / 2)

    def logit(self, value: Tensor) -> Tensor:
        """Logit of the cumulative distribution at [C,N] values, [C,N]."""
        h = value[:, :, None]
        for layer, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            h = h @ F.softplus(matrix) + bias[:, None]
            if layer < len(self.factors):
                h = h + torch.tanh(self.factors[layer])[:, None] * torch.tanh(h)
        return h[:, :, 0]

    def likelihood(self, z: Tensor) -> Tensor:
        """Probability of the unit interval around each element of [B,C,H,W]."""
        values = z.float().transpose(0, 1).flatten(1)
        low, high = self.logit(values - 0.5), self.logit(values + 0.5)
        # On the side where the logistic function is small, its differences are exact.
        sign = -torch.sign(low + high).detach()
        mass = (torch.sigmoid(sign * high) - torch.sigmoid(sign * low)).abs()
        batch, channels, height, width = z.shape
        return mass.view(channels, batch, height, width).transpose(0, 1)


class _LowerBound(torch.autograd.Function):
    """max(value, bound), with a gradient that can lead back up from below the bound."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, value: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(value)
        ctx.bound = bound  # type: ignore[attr-defined]
        return value.clamp_min(bound)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        (value,) = ctx.saved_tensors  # type: ignore[attr-defined]
        passes = (value >= ctx.bound) | (gradient < 0)  # type: ignore[attr-defined]
        return gradient * passes, None


def gaussian_likelihood(distance: Tensor, scale: Tensor) -> Tensor:
    """Probability of the unit interval at a distance from the mean, for a standard deviation in the same unit."""
    d = distance.abs()
    upper, lower = (0.5 - d) / scale, (-0.5 - d) / scale
    root = -(2**-0.5)
    return 0.5 * (torch.erfc(root * upper) - torch.erfc(root * lower))


def bits_of(likelihood: Tensor) -> Tensor:
    """Ideal code length in bits, summed over all but the first axis, [B]."""
    return -likelihood.clamp_min(SMALLEST_LIKELIHOOD).log2().flatten(1).sum(dim=1)


class Compressor(nn.Module):
    """Encoder, hyper-encoder, hyper-decoder and context decoder.

    Args:
        widths: channels of the encoder's four stages (64, 128, 192, 256 in the released models).
        finest: channels of the context at full resolution.
        rising: channels of the context decoder's four blocks, from 1/16 of the resolution up.
        hyper: channels of z and of the layers that lead to it; as many as y has in the released models.
    """

    multiple = 64

    def __init__(self, widths: tuple[int, ...], finest: int, rising: tuple[int, ...], hyper: int) -> None:
        super().__init__()
        self.channels = deepest = widths[-1]
        going_down = [3, *widths]
        going_up = list(reversed(widths))
        # At 1/8, 1/4, 1/2 and full resolution; the last stage keeps its width until it goes to full resolution.
        self.context_channels = (*going_up[1:], finest)
        self.encoder = nn.ModuleList(
            nn.Sequential(
                ResBlock(going_down[i], going_down[i + 1], kernel=3 if i else 7), downsample(going_down[i + 1])
            )
            for i in range(4)
        )
        self.context_decoder = nn.ModuleList(
            nn.Sequential(ResBlock(fine_in, fine), upsample(fine, out))
            for fine_in, fine, out in zip(going_up, rising, self.context_channels, strict=True)
        )
        self.hyper_encoder = nn.Sequential(
            nn.Conv2d(deepest, hyper, 3, padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(hyper, hyper, 5, stride=2, padding=2),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(hyper, hyper, 5, stride=2, padding=2),
        )
        self.hyper_decoder = nn.Sequential(
            nn.ConvTranspose2d(hyper, hyper, 5, stride=2, padding=2, output_padding=1),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(hyper, hyper, 5, stride=2, padding=2, output_padding=1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(hyper, 2 * deepest, 3, padding=1),
        )
        self.prior = FactorizedPrior(hyper)

    def analyse(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Picture [B,3,H,W] in [-1,1], sides multiples of 64 -> y [B,C,H/16,W/16], z [B,D,H/64,W/64]."""
        y = image
        for stage in self.encoder:
            y = stage(y)
        return y, self.hyper_encoder(y)

    def predict(self, z_hat: Tensor) -> tuple[Tensor, Tensor]:
        """Quantised z -> mean and standard deviation of y, each [B,C,H/16,W/16]."""
        mean, scale = self.hyper_decoder(z_hat).chunk(2, dim=1)
        return mean, _LowerBound.apply(scale, SMALLEST_SCALE)

    def context(self, y_hat: Tensor) -> list[Tensor]:
        """Quantised y -> what the U-Net is told, at full, 1/2, 1/4 and 1/8 resolution."""
        levels = []
        for stage in self.context_decoder:
            y_hat = stage(y_hat)
            levels.append(y_hat)
        return levels[::-1]
