"""CDC: content in bits, texture from the decoder.

    encoder                                            decoder
    x --analyse--> y, z                                z_hat --> mean, scale --> y_hat --> context
    symbols of z, symbols of y --file-->               zeros or noise --U-Net, told the context, N steps--> picture

All that is sent is the quantised latent y, and z, which says how y is distributed. More denoising steps are more
texture and not more bits. The file's rate is set by the quantisation step delta, which the released models do not have
(theirs is 1): latents are rounded to multiples of delta around their predicted means, and their scales shrink by it.

Source: Yang, Mandt 2023, "Lossy Image Compression with Conditional Diffusion Models" (arXiv:2209.06950).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.codecs.base import (
    DEFAULT_RENDERING,
    Decoder,
    Preset,
    Reconstruction,
    Rendering,
    Target,
    Work,
    padded_pixels,
    require_whole,
)
from diffdemo.codecs.cdc_step import FINEST, LARGEST_CODE, UNIT_CODE, delta_of, scales_in_steps
from diffdemo.coding.container import Bitstream, Header, read_bitstream, write_bitstream
from diffdemo.coding.frequency import FactorisedPrior, factorised_tables, gaussian_tables, scale_index
from diffdemo.coding.range_coder import (
    LARGEST_SYMBOL,
    MAX_COST_BITS,
    SymbolDecoder,
    SymbolEncoder,
    cost_bits,
    costs_in_bits,
)
from diffdemo.errors import CorruptBitstream, ImageError, ModelMismatch, RateError
from diffdemo.images import MOST_PIXELS, Pixels, mirrored, require_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
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


class Cdc:
    """The codec with one model.

    Args:
        model: of either family.
        fingerprint: first four bytes of the SHA-256 of its weight file.
    """

    name: ClassVar = "cdc"
    label: ClassVar = "CDC"
    codec_id: ClassVar = 2
    is_embedded: ClassVar = False
    decoders: ClassVar[tuple[Decoder, ...]] = (Decoder.DETERMINISTIC, Decoder.STOCHASTIC)

    def __init__(self, model: CdcModel, *, fingerprint: bytes) -> None:
        self.model = model
        self.fingerprint = fingerprint
        self._hyper_decoder = ExactHyperDecoder(model.compressor.hyper_decoder)
        prior = _prior_of(model)
        self._z_tables = factorised_tables(prior)
        self._median = prior.medians[:, None, None]

    def encode(self, pixels: Pixels, target: Target, *, preset: Preset = Preset.BALANCED, seed: int = 0) -> bytes:
        """A file that meets the target.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality of the default decode in one step, or both; with neither, the model's own rate.
            preset: not used: the search for the best rounding takes no time.
            seed: not used: the file has no randomness.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: the largest quantisation step is not large enough.
        """
        content = self.analyse(pixels)
        code = UNIT_CODE
        if target.psnr_db is not None:
            code = self._code_for_quality(content, pixels, target.psnr_db)
        if target.num_bytes is not None:
            # Without a quality to stop at, as fine as the bytes allow.
            finest = 0 if target.psnr_db is None else code
            code = self._code_for_bytes(content, target.num_bytes, finest)
        return self.write(content, code)

    def analyse(self, pixels: Pixels) -> Content:
        """Everything about a picture that does not depend on the rate.

        Raises:
            ImageError: no picture, or too large a one.
        """
        require_pixels(pixels)
        height, width = pixels.shape[:2]
        if _padded(height) * _padded(width) > self.most_pixels:
            raise ImageError(
                f"The picture has {width} x {height} pixels; this CDC model takes at most {self.most_pixels:,}. "
                "Please make it smaller."
            )
        y, z = self.model.analyse(mirrored(to_image(pixels), MULTIPLE))
        steps = np.rint(z[0].numpy() - self._median)
        z_symbols = np.clip(steps, -LARGEST_SYMBOL, LARGEST_SYMBOL).astype(np.int32)
        means, scales = self._predict(z_symbols)
        return Content(width, height, z_symbols, y[0].numpy().astype(np.float64), means, scales)

    @property
    def most_pixels(self) -> int:
        """Pixels, padded, that one picture may have: memory grows with the width of the network."""
        return MOST_PIXELS * 16 // max(16, self.model.shape.width)

    def write(self, content: Content, code: int, *, bit_price: float = BIT_PRICE) -> bytes:
        """The file of a picture for a quantisation step; without a price for bits, the authors' rounding."""
        encoder = SymbolEncoder()
        encoder.encode_indexed(content.z_symbols, _channels(content.z_symbols.shape), self._z_tables)
        encoder.encode_indexed(*content.quantised(code, bit_price), gaussian_tables())
        return write_bitstream(
            codec_id=self.codec_id,
            fingerprint=self.fingerprint,
            width=content.width,
            height=content.height,
            parameters=(code,),
            payload=encoder.to_bytes(),
        )

    def decode(self, data: bytes, rendering: Rendering = DEFAULT_RENDERING) -> Iterator[Reconstruction]:
        """The picture after each denoising step, all from the same bytes.

        Raises:
            BitstreamError: the file is not whole, not intact, not ours, or names another model.
            RateError: a decoder of another codec.
        """
        decoder = rendering.decoder_of(self)
        bitstream = self.open(data)
        header = bitstream.header
        context = self.model.context(self.read(bitstream))
        stochastic = decoder is Decoder.STOCHASTIC
        gamma, eta = (rendering.gamma, rendering.eta) if stochastic else (0.0, 0.0)
        num_steps = min(rendering.steps or self.model.default_steps, self.model.schedule.num_steps)
        start = self.model.start(context, gamma, rendering.seed)
        states = self.model.synthesise(context, start, num_steps, eta=eta, seed=rendering.seed)
        for number, (clean, state) in enumerate(states, 1):
            image = (state if number == num_steps else clean)[:, :, : header.height, : header.width]
            yield Reconstruction(image.clamp(-1, 1).float().cpu(), bitstream.num_bytes, number, num_steps, 0.0)

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute: one analysis, and a decode for each step of the search for a quality."""
        searches = 1 if target.psnr_db is None else (LARGEST_CODE + 2).bit_length()
        return Work(padded_pixels(width, height), searches * (self.model.quick_steps + 1))

    def work_of_decode(self, data: bytes, rendering: Rendering) -> Work:
        """What a decode will compute: the context, and an evaluation of the U-Net for each denoising step."""
        header = self.open(data).header
        steps = min(rendering.steps or self.model.default_steps, self.model.schedule.num_steps)
        return Work(padded_pixels(header.width, header.height), 1 + steps)

    def evaluate_once(self, width: int, height: int) -> None:
        """Run encoder and denoiser once on grey, for whoever wants to know how long that takes."""
        data = self.encode(np.full((height, width, 3), 128, np.uint8), Target())
        list(self.decode(data, Rendering(steps=1)))

    def open(self, data: bytes) -> Bitstream:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        bitstream = read_bitstream(data)
        header = bitstream.header
        if header.codec_id != self.codec_id or len(header.parameters) != 1:
            raise CorruptBitstream("The file was not written by CDC.")
        if header.parameters[0] > LARGEST_CODE:
            raise CorruptBitstream("The file's header asks for a quantisation step that no encoder writes.")
        if _padded(header.height) * _padded(header.width) > self.most_pixels:
            raise CorruptBitstream(
                f"The file claims {header.width} x {header.height} pixels; this CDC model decodes at most "
                f"{self.most_pixels:,}."
            )
        if header.fingerprint != self.fingerprint:
            raise ModelMismatch(
                f"The file was written with model {header.fingerprint.hex()}; this one is {self.fingerprint.hex()}. "
                "Only the same weights can decode it."
            )
        if header.payload_bytes > self._max_payload_bytes(header):
            raise CorruptBitstream(
                f"The file claims {header.payload_bytes:,} bytes for {header.width} x {header.height} pixels; "
                "no picture of this size takes so many."
            )
        require_whole(bitstream, self.label)
        return bitstream

    def read(self, bitstream: Bitstream) -> Tensor:
        """Quantised latents y_hat of a file, float32 [1,C,h,w].

        Raises:
            CorruptBitstream: the payload is not what an encoder writes.
        """
        received = self._receive(bitstream)
        y_hat = received.symbols * delta_of(bitstream.header.parameters[0]) + received.means * FINEST
        return torch.from_numpy(y_hat.astype(np.float32))[None]

    def bits_by_position(self, bitstream: Bitstream) -> NDArray[np.float64]:
        """Where in the picture a file's bits went: [H/16, W/16] of the padded picture, in bits.

        The bits of z, which has an entry for 64x64 pixels, are spread evenly over these.

        Raises:
            CorruptBitstream: the payload is not what an encoder writes.
        """
        received = self._receive(bitstream)
        z_bits = costs_in_bits(received.z_symbols, _channels(received.z_symbols.shape), self._z_tables).sum(axis=0)
        y_bits = costs_in_bits(received.symbols, received.indices, gaussian_tables()).sum(axis=0)
        positions: NDArray[np.float64] = y_bits + np.kron(z_bits, np.full((4, 4), 1 / 16))
        return positions

    def bits_of(self, content: Content, code: int) -> tuple[float, float]:
        """Bits of the symbols of z and of y for a quantisation step, without writing a file."""
        z_bits = cost_bits(content.z_symbols, _channels(content.z_symbols.shape), self._z_tables)
        return z_bits, cost_bits(*content.quantised(code, BIT_PRICE), gaussian_tables())

    def _receive(self, bitstream: Bitstream) -> Received:
        header = bitstream.header
        z_shape = (len(self._z_tables), _padded(header.height) // 64, _padded(header.width) // 64)
        decoder = SymbolDecoder(bitstream.payload)
        z_symbols = decoder.decode_indexed(_channels(z_shape), self._z_tables)
        means, scales = self._predict(z_symbols)
        indices = scale_index(scales_in_steps(scales, header.parameters[0]))
        symbols = decoder.decode_indexed(indices, gaussian_tables())
        decoder.require_end()
        return Received(z_symbols, symbols, indices, means)

    def _max_payload_bytes(self, header: Header) -> int:
        """Bytes of a payload whose every symbol is as dear as a symbol can be."""
        blocks = _padded(header.height) * _padded(header.width) // MULTIPLE**2
        symbols = blocks * (len(self._z_tables) + 16 * self.model.compressor.channels)
        return symbols * MAX_COST_BITS // 8 + END_BYTES

    def _predict(self, z_symbols: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self._hyper_decoder(z_symbols.astype(np.float32) + self._median)

    def _header_bytes(self, content: Content, payload_bytes: int) -> int:
        header = Header(self.codec_id, self.fingerprint, content.width, content.height, (0,), payload_bytes, 0)
        return len(header.to_bytes())

    def _code_for_bytes(self, content: Content, num_bytes: int, finest: int) -> int:
        """The finest quantisation step, not finer than `finest`, whose file has at most so many bytes."""

        def fits(code: int) -> bool:
            payload = sum(self.bits_of(content, code)) / 8
            estimate = payload + self._header_bytes(content, int(payload))
            if abs(estimate - num_bytes) > END_BYTES:
                return estimate < num_bytes
            return len(self.write(content, code)) <= num_bytes

        if not fits(LARGEST_CODE):
            least = len(self.write(content, LARGEST_CODE))
            raise RateError(
                f"{num_bytes} bytes are too few for this picture: CDC needs {least}, even at its coarsest. "
                f"Please allow at least {least} bytes."
            )
        return _first(fits, finest, LARGEST_CODE)

    def _code_for_quality(self, content: Content, pixels: Pixels, quality: float) -> int:
        """The coarsest quantisation step that reaches a PSNR in dB, or the finest there is."""

        def misses(code: int) -> bool:
            *_, last = self.decode(self.write(content, code), Rendering(steps=self.model.quick_steps))
            return psnr_db(pixels, to_pixels(last.image)) < quality

        return max(0, _first(misses, 0, LARGEST_CODE + 1) - 1)


def _prior_of(model: CdcModel) -> FactorisedPrior:
    """The distribution of z as the entropy coder takes it."""
    prior = model.compressor.prior
    weights, biases, gates = (
        tuple(array.detach().cpu().numpy() for array in arrays)
        for arrays in (prior.matrices, prior.biases, prior.factors)
    )
    return FactorisedPrior(weights, biases, gates, prior.median.cpu().numpy())


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number from low to high for which it holds, given that it holds from some number on; else high."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _padded(length: int) -> int:
    return -(-length // MULTIPLE) * MULTIPLE


def _channels(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """The number of the channel for every element of [C,h,w]."""
    return np.broadcast_to(np.arange(shape[0], dtype=np.uint16)[:, None, None], shape)
