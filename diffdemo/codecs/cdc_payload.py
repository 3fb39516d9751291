"""The payload of a CDC file: symbols of z, which say how y is distributed, then symbols of y."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diffdemo.codecs.cdc_step import FINEST, delta_of, scales_in_steps
from diffdemo.coding.frequency import FactorisedPrior, factorised_tables, gaussian_tables, scale_index
from diffdemo.coding.range_coder import (
    LARGEST_SYMBOL,
    MAX_COST_BITS,
    SymbolDecoder,
    SymbolEncoder,
    cost_bits,
    costs_in_bits,
)
from diffdemo.models.cdc.exact import ExactHyperDecoder
from diffdemo.models.cdc.model import CdcModel

MULTIPLE = 64
BIT_PRICE = 0.02
"""In squared steps. At high rate the error of a rounded latent, 1/12, falls by 0.116 for a bit; a fraction of that is
best (`bench rounding`), because the decoder's networks have learned from latents that were rounded to the nearest."""
END_BYTES = 8
"""Room for what the coder may add to the sum of its symbols' costs."""


@dataclass(frozen=True, slots=True)
class Content:
    """A picture as CDC sees it, before a quantisation step is chosen.

    Attributes:
        width, height: of the picture.
        z_symbols: int32 [D,h,w].
        y: latents, float64 [C,4h,4w].
        means, scales: of y, int64 in units of 2^-16, as the decoder will compute them.
    """

    width: int
    height: int
    z_symbols: NDArray[np.int32]
    y: NDArray[np.float64]
    means: NDArray[np.int64]
    scales: NDArray[np.int64]

    def quantised(self, code: int, bit_price: float) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Latents in quantisation steps from their means, rounded; towards zero where that is the better bargain.

        Of the two whole numbers around t, the one with the least (t - n)^2 + price * bits(n); Sullivan, Wiegand 1998,
        "Rate-distortion optimization for video compression", for a single coefficient.

        Args:
            code: of the step.
            bit_price: what a bit has to save, in squared steps; 0 rounds to the nearest (half to even).

        Returns:
            Symbols, and the index of the table of each.
        """
        indices = scale_index(scales_in_steps(self.scales, code))
        steps = (self.y - self.means * FINEST) / delta_of(code)
        symbols = np.clip(np.rint(steps), -LARGEST_SYMBOL, LARGEST_SYMBOL).astype(np.int32)
        # Only a latent that was rounded away from zero has a cheaper neighbour.
        away = np.nonzero(np.abs(symbols) > np.abs(steps))
        near, latents, tables = symbols[away], steps[away], indices[away]
        low = near - np.sign(near)

        def cost(choice: NDArray[np.int32]) -> NDArray[np.float64]:
            bits = costs_in_bits(choice, tables, gaussian_tables())
            loss: NDArray[np.float64] = (latents - choice) ** 2 + bit_price * bits
            return loss

        symbols[away] = np.where(cost(low) < cost(near), low, near)
        return symbols, indices


@dataclass(frozen=True, slots=True)
class Received:
    """What a payload says.

    Attributes:
        z_symbols: [D, H/64, W/64].
        symbols: of y, [C, H/16, W/16].
        indices: of their tables.
        means: that the symbols count from, in units of 2^-16.
    """

    z_symbols: NDArray[np.int32]
    symbols: NDArray[np.int32]
    indices: NDArray[np.uint8]
    means: NDArray[np.int64]

    def latents(self, code: int) -> NDArray[np.float64]:
        """Quantised y for the quantisation step of a code, [C,h,w]."""
        y_hat: NDArray[np.float64] = self.symbols * delta_of(code) + self.means * FINEST
        return y_hat


class CdcPayload:
    """Writes and reads payloads with the distributions of one model.

    Args:
        model: of either family.
    """

    def __init__(self, model: CdcModel) -> None:
        self._channels = model.compressor.channels
        self._hyper_decoder = ExactHyperDecoder(model.compressor.hyper_decoder)
        prior = _prior_of(model)
        self._z_tables = factorised_tables(prior)
        self._median = prior.medians[:, None, None]

    def hyper_symbols(self, z: NDArray[np.float32]) -> NDArray[np.int32]:
        """Z [D,h,w], rounded to whole distances from its median."""
        return np.clip(np.rint(z - self._median), -LARGEST_SYMBOL, LARGEST_SYMBOL).astype(np.int32)

    def predict(self, z_symbols: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Means and scales of y, [C,4h,4w] in units of 2^-16, as both sides compute them from z."""
        return self._hyper_decoder(z_symbols.astype(np.float32) + self._median)

    def write(self, content: Content, code: int, bit_price: float) -> bytes:
        """The payload of a picture for the quantisation step of a code."""
        encoder = SymbolEncoder()
        encoder.encode_indexed(content.z_symbols, _channels(content.z_symbols.shape), self._z_tables)
        encoder.encode_indexed(*content.quantised(code, bit_price), gaussian_tables())
        return encoder.to_bytes()

    def read(self, payload: bytes, width: int, height: int, code: int) -> Received:
        """What a payload says of a picture of that size.

        Raises:
            CorruptBitstream: it is not what an encoder writes.
        """
        z_shape = (len(self._z_tables), padded(height) // 64, padded(width) // 64)
        decoder = SymbolDecoder(payload)
        z_symbols = decoder.decode_indexed(_channels(z_shape), self._z_tables)
        means, scales = self.predict(z_symbols)
        indices = scale_index(scales_in_steps(scales, code))
        symbols = decoder.decode_indexed(indices, gaussian_tables())
        decoder.require_end()
        return Received(z_symbols, symbols, indices, means)

    def bits_of(self, content: Content, code: int) -> tuple[float, float]:
        """Bits of the symbols of z and of y for the quantisation step of a code, without writing a file."""
        z_bits = cost_bits(content.z_symbols, _channels(content.z_symbols.shape), self._z_tables)
        return z_bits, cost_bits(*content.quantised(code, BIT_PRICE), gaussian_tables())

    def bits_by_position(self, received: Received) -> NDArray[np.float64]:
        """Where in the padded picture the bits went: [H/16, W/16], in bits.

        The bits of z, which has an entry for 64x64 pixels, are spread evenly over these.
        """
        z_bits = costs_in_bits(received.z_symbols, _channels(received.z_symbols.shape), self._z_tables).sum(axis=0)
        y_bits = costs_in_bits(received.symbols, received.indices, gaussian_tables()).sum(axis=0)
        positions: NDArray[np.float64] = y_bits + np.kron(z_bits, np.full((4, 4), 1 / 16))
        return positions

    def max_bytes(self, width: int, height: int) -> int:
        """Bytes of a payload whose every symbol is as dear as a symbol can be."""
        blocks = padded(height) * padded(width) // MULTIPLE**2
        symbols = blocks * (len(self._z_tables) + 16 * self._channels)
        return symbols * MAX_COST_BITS // 8 + END_BYTES


def _prior_of(model: CdcModel) -> FactorisedPrior:
    """The distribution of z as the entropy coder takes it."""
    prior = model.compressor.prior
    weights, biases, gates = (
        tuple(array.detach().cpu().numpy() for array in arrays)
        for arrays in (prior.matrices, prior.biases, prior.factors)
    )
    return FactorisedPrior(weights, biases, gates, prior.median.cpu().numpy())


def padded(length: int) -> int:
    """A side filled up to what the networks need."""
    return -(-length // MULTIPLE) * MULTIPLE


def _channels(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """The number of the channel for every element of [C,h,w]."""
    return np.broadcast_to(np.arange(shape[0], dtype=np.uint16)[:, None, None], shape)
