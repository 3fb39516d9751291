"""The hyper-decoder in whole numbers: the same means and scales on every machine, to the last bit.

An entropy decoder is lost as soon as its idea of one scale differs from the encoder's, and floating-point convolutions
differ with the processor, the library and the number of threads: they add in different orders. Whole numbers do not
care about order. So weights and activations are rounded to binary fractions, and the convolutions are computed in
float64 with every product and every sum a whole number below 2^53, which float64 holds exactly.

Source of the idea: Ballé, Johnston, Minnen 2019, "Integer networks for data compression with latent-variable models".
Theirs are trained for 8 bits; with 53 there is nothing to train for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from diffdemo.errors import WeightsError
from diffdemo.models.cdc.layers import SLOPE

# normative: all of this file.
FRACTION_BITS = 16
"""Of activations: means and scales come in units of 2^-16."""
LARGEST_BITS = 9
"""Activations are limited to +-2^9."""
EXACT_BITS = 53
FINEST_WEIGHT_BITS = 32


class ExactHyperDecoder:
    """Means and scales of y from quantised z, on the CPU, whatever device the other networks are on.

    Args:
        hyper_decoder: of a `Compressor`: convolutions and leaky rectifiers by turns.

    Raises:
        WeightsError: the weights are too large to be computed with exactly, or not numbers.
    """

    def __init__(self, hyper_decoder: nn.Sequential) -> None:
        layers = [layer for layer in hyper_decoder if not isinstance(layer, nn.LeakyReLU)]
        self._layers = [_Layer(layer) for layer in layers]

    @torch.inference_mode()
    def __call__(self, z_hat: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Quantised z [D,h,w] -> mean and scale of y, int64 [C,4h,4w] in units of 2^-16; scales may be negative."""
        h = torch.from_numpy(z_hat).double()[None] * 2.0**FRACTION_BITS
        h = _limited(h)
        for number, layer in enumerate(self._layers):
            if number:
                h = torch.where(h < 0, torch.round(h * SLOPE), h)
            h = _limited(layer(h))
        mean, scale = h[0].chunk(2)
        return mean.numpy().astype(np.int64), scale.numpy().astype(np.int64)


class _Layer:
    """A convolution with weights in units of 2^-bits."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
        assert layer.bias is not None
        weight, bias = layer.weight.detach().cpu().double(), layer.bias.detach().cpu().double()
        if not (weight.isfinite().all() and bias.isfinite().all()):
            raise WeightsError("The weights of the hyper-decoder hold values that are not numbers.")
        into = 0 if isinstance(layer, nn.Conv2d) else 1
        # Counted in units of 2^-24, so that this sum does not depend on its order either.
        magnitude = torch.round(weight.abs() * 2.0**24).long().transpose(0, into).flatten(1).sum(dim=1)
        magnitude = magnitude + torch.round(bias.abs() * 2.0**24).long()
        # The next power of two above the sum of all weights of one output; one bit to spare for their rounding.
        needed = max(0, int(magnitude.max()).bit_length() - 24) + 1
        self.bits = min(FINEST_WEIGHT_BITS, EXACT_BITS - FRACTION_BITS - LARGEST_BITS - needed)
        if self.bits < FRACTION_BITS:
            raise WeightsError("The weights of the hyper-decoder are too large for an exact computation.")
        self.weight = torch.round(weight * 2.0**self.bits)
        self.bias = torch.round(bias * 2.0 ** (self.bits + FRACTION_BITS))
        self.convolve: Callable[..., Tensor]
        self.convolve, self.options = F.conv2d, {"stride": layer.stride, "padding": layer.padding}
        if isinstance(layer, nn.ConvTranspose2d):
            self.convolve, self.options = F.conv_transpose2d, {**self.options, "output_padding": layer.output_padding}

    def __call__(self, h: Tensor) -> Tensor:
        out = self.convolve(h, self.weight, None, **self.options) + self.bias[:, None, None]
        return torch.round(out * 2.0**-self.bits)


def _limited(h: Tensor) -> Tensor:
    """Whole numbers within what the sums are good for."""
    bound = 2.0 ** (FRACTION_BITS + LARGEST_BITS)
    return torch.round(h).clamp(-bound, bound)
