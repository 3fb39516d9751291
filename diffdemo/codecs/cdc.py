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

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diffdemo.codecs.base import Codec, CodedPicture
from diffdemo.codecs.cdc_payload import BIT_PRICE, END_BYTES, MULTIPLE, CdcPayload, Content
from diffdemo.codecs.cdc_step import CODES_AN_OCTAVE, LARGEST_CODE, UNIT_CODE, delta_of
from diffdemo.codecs.records import CellBits, Description, Encoded, Preset, Rates, Reconstruction, State, Target, Work
from diffdemo.codecs.rendering import DEFAULT_RENDERING, Decoder, Rendering
from diffdemo.coding.container import (
    Bitstream,
    Header,
    read_bitstream,
    require_model,
    require_payload_within,
    require_whole,
    write_bitstream,
)
from diffdemo.errors import CorruptBitstream, ImageError, RateError
from diffdemo.images import MAX_PIXELS, Pixels, mirrored, padded_pixels, require_pixels, to_image, to_pixels
from diffdemo.metrics.distortion import psnr_db
from diffdemo.models.cdc.model import CdcModel
from diffdemo.models.conversion import CONVERSIONS
from diffdemo.models.spec import Kind, ModelFiles, ModelSpec

VERSIONS = (1,)
"""Of the container, that this codec has written."""
LATENT_CELL = 16
"""Side in pixels of what one latent position stands for."""
SWEEP_CODES = tuple(range(UNIT_CODE + 4 * CODES_AN_OCTAVE, UNIT_CODE - 1, -CODES_AN_OCTAVE // 2))
"""Quantisation steps from 16 down to 1 in half octaves: about 0.1 to 1 bit per pixel with the shipped model."""


class Cdc(Codec):
    """The codec with one model.

    Args:
        model: of either family.
        fingerprint: first four bytes of the SHA-256 of its weight file.
    """

    name: ClassVar = "cdc"
    label: ClassVar = "CDC"
    sentence: ClassVar = "Content in bits, texture from the decoder."
    codec_id: ClassVar = 2
    is_embedded: ClassVar = False
    decoders: ClassVar = (Decoder.DETERMINISTIC, Decoder.STOCHASTIC)
    facts: ClassVar = ("delta",)
    rates: ClassVar = Rates(usual=0.4, most=1.0)

    def __init__(self, model: CdcModel, *, fingerprint: bytes) -> None:
        self.model = model
        self.fingerprint = fingerprint
        self.payload = CdcPayload(model)

    @classmethod
    def load(cls, spec: ModelSpec, weights: ModelFiles | None, device: torch.device) -> Cdc:
        """The codec with one of its models; see `Codec`."""
        model = CdcModel.load(spec.path if weights is None else weights.files[CONVERSIONS[Kind.CDC].key], device=device)
        return cls(model, fingerprint=bytes.fromhex(model.sha256[:8]) if weights is None else weights.fingerprint)

    @classmethod
    def describe(cls, data: bytes) -> Description:
        """What a file says about itself; see `Codec`."""
        bitstream = read_bitstream(data, VERSIONS)
        return Description({"delta": delta_of(_code_of(bitstream.header))}, bitstream.header_bytes)

    def encode_progressively(
        self,
        pixels: Pixels,
        target: Target,
        *,
        preset: Preset = Preset.BALANCED,
        seed: int = 0,
        prompt: str = "",
    ) -> Iterator[Encoded]:
        """A file that meets the target, at once, with its quickest picture.

        Args:
            pixels: uint8 [H,W,3].
            target: bytes, quality of the default decode in one step, or both; with neither, the model's own rate.
            preset: not used: the search for the best rounding takes no time.
            seed: not used: the file has no randomness.
            prompt: refused: the model takes none.

        Raises:
            ImageError: no picture, or too large a one.
            RateError: the largest quantisation step is not large enough.
        """
        if prompt:
            raise RateError(f"{self.label} takes no prompt; please leave it empty.")
        content = self.analyse(pixels)
        code = UNIT_CODE
        if target.psnr_db is not None:
            code = self._code_for_quality(content, pixels, target.psnr_db)
        if target.num_bytes is not None:
            # Without a quality to stop at, as fine as the bytes allow.
            finest = 0 if target.psnr_db is None else code
            code = self._code_for_bytes(content, target.num_bytes, finest)
        data = self.write(content, code)
        steps = self.model.quick_steps
        picture = Reconstruction(partial(self._quick_image, data), len(data), steps, steps, 0.0, Decoder.DETERMINISTIC)
        yield Encoded(data, picture, done=True)

    def files(self, pixels: Pixels, targets: Sequence[Target]) -> Iterator[bytes]:
        """Files of a picture that is analysed once, without targets those of `SWEEP_CODES`; see `Codec`."""
        content = self.analyse(pixels)
        codes: list[int] = []
        for target in targets:
            assert target.num_bytes is not None, "a sweep is over sizes"
            if self._fits(content, target.num_bytes, LARGEST_CODE):
                codes.append(self._code_for_bytes(content, target.num_bytes, 0))
        for code in codes if targets else SWEEP_CODES:
            yield self.write(content, code)

    def analyse(self, pixels: Pixels) -> Content:
        """Everything about a picture that does not depend on the rate.

        Raises:
            ImageError: no picture, or too large a one.
        """
        require_pixels(pixels)
        height, width = pixels.shape[:2]
        if padded_pixels(width, height, MULTIPLE) > self.most_pixels:
            raise ImageError(
                f"The picture has {width} x {height} pixels; this CDC model takes at most {self.most_pixels:,}. "
                "Please make it smaller."
            )
        y, z = self.model.analyse(mirrored(to_image(pixels), MULTIPLE))
        z_symbols = self.payload.hyper_symbols(z[0].numpy())
        means, scales = self._predict(z_symbols)
        return Content(width, height, z_symbols, y[0].numpy().astype(np.float64), means, scales)

    @property
    def most_pixels(self) -> int:
        """Pixels, padded, that one picture may have: memory grows with the width of the network."""
        return MAX_PIXELS * 16 // max(16, self.model.shape.width)

    def write(self, content: Content, code: int, *, bit_price: float = BIT_PRICE) -> bytes:
        """The file of a picture for a quantisation step; without a price for bits, the authors' rounding."""
        return write_bitstream(
            codec_id=self.codec_id,
            fingerprint=self.fingerprint,
            width=content.width,
            height=content.height,
            parameters=(code,),
            payload=self.payload.write(content, code, bit_price),
        )

    def coded(self, data: bytes) -> CdcPicture:
        """The picture in a whole file; see `Codec`."""
        return CdcPicture(self, self.open(data))

    def open(self, data: bytes) -> Bitstream:
        """Parse a file and check that this codec and model can decode it.

        Raises:
            BitstreamError: if not.
        """
        bitstream = read_bitstream(data, VERSIONS)
        header = bitstream.header
        _code_of(header)
        if padded_pixels(header.width, header.height, MULTIPLE) > self.most_pixels:
            raise CorruptBitstream(
                f"The file claims {header.width} x {header.height} pixels; this CDC model decodes at most "
                f"{self.most_pixels:,}."
            )
        require_model(header.fingerprint, self.fingerprint)
        require_payload_within(bitstream, self.payload.max_bytes(header.width, header.height))
        require_whole(bitstream, self.label)
        return bitstream

    def read(self, bitstream: Bitstream) -> Tensor:
        """Quantised latents y_hat of a file, float32 [1,C,h,w].

        Raises:
            CorruptBitstream: the payload is not what an encoder writes.
        """
        header = bitstream.header
        code = _code_of(header)
        y_hat = self.payload.read(bitstream.payload, header.width, header.height, code).latents(code)
        return torch.from_numpy(y_hat.astype(np.float32))[None]

    def work_of_encode(self, width: int, height: int, target: Target, preset: Preset) -> Work:
        """What an encode will compute: one analysis, and a decode for each step of the search for a quality."""
        searches = 1 if target.psnr_db is None else (LARGEST_CODE + 2).bit_length()
        return Work(padded_pixels(width, height), searches * (self.model.quick_steps + 1))

    def work_of_files(self, width: int, height: int) -> Work:
        """An analysis and a quick decode for each of `SWEEP_CODES`."""
        work = self.work_of_encode(width, height, Target(), Preset.BALANCED)
        return Work(work.pixels, len(SWEEP_CODES) * work.evaluations)

    @property
    def quickest(self) -> Rendering:
        """Without noise, in as few steps as show the picture."""
        return Rendering(steps=self.model.quick_steps)

    def evaluate_once(self, width: int, height: int) -> None:
        """Run encoder and denoiser once on grey, for whoever wants to know how long that takes."""
        data = self.encode(np.full((height, width, 3), 128, np.uint8), Target())
        list(self.decode(data, Rendering(steps=1)))

    @classmethod
    def curve_name(cls, rendering: Rendering) -> str:
        """What results call the curve of a decoder: "cdc 1 step", "cdc 17 steps gamma 0.8"."""
        noise = f" gamma {rendering.gamma:g}" if cls.decoder_of(rendering) is Decoder.STOCHASTIC else ""
        return f"{cls.name} {rendering.steps} step{'' if rendering.steps == 1 else 's'}{noise}"

    def _predict(self, z_symbols: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.payload.predict(z_symbols)

    def _quick_image(self, data: bytes) -> Tensor:
        """The picture of a file after as few steps as show it."""
        *_, last = self.decode(data, self.quickest)
        return last.image

    def _fits(self, content: Content, num_bytes: int, code: int) -> bool:
        """Whether the file for a quantisation step has at most so many bytes."""
        payload = sum(self.payload.bits_of(content, code)) / 8
        header = Header(self.codec_id, self.fingerprint, content.width, content.height, (0,), int(payload), 0)
        estimate = payload + len(header.to_bytes())
        if abs(estimate - num_bytes) > END_BYTES:
            return estimate < num_bytes
        return len(self.write(content, code)) <= num_bytes

    def _code_for_bytes(self, content: Content, num_bytes: int, finest: int) -> int:
        """The finest quantisation step, not finer than `finest`, whose file has at most so many bytes.

        Raises:
            RateError: not even the coarsest has.
        """
        if not self._fits(content, num_bytes, LARGEST_CODE):
            least = len(self.write(content, LARGEST_CODE))
            raise RateError(
                f"{num_bytes} bytes are too few for this picture: CDC needs {least}, even at its coarsest. "
                f"Please allow at least {least} bytes."
            )
        return _first(partial(self._fits, content, num_bytes), finest, LARGEST_CODE)

    def _code_for_quality(self, content: Content, pixels: Pixels, quality: float) -> int:
        """The coarsest quantisation step that reaches a PSNR in dB, or the finest there is."""

        def misses(code: int) -> bool:
            return psnr_db(pixels, to_pixels(self._quick_image(self.write(content, code)))) < quality

        return max(0, _first(misses, 0, LARGEST_CODE + 1) - 1)


class CdcPicture(CodedPicture):
    """A whole file with the codec that can decode it."""

    def __init__(self, codec: Cdc, bitstream: Bitstream) -> None:
        self._codec = codec
        self._bitstream = bitstream

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self._bitstream.header.width, self._bitstream.header.height

    @property
    def num_bytes(self) -> int:
        """Of the file."""
        return self._bitstream.num_bytes

    def frames(self, rendering: Rendering = DEFAULT_RENDERING, start: State | None = None) -> Iterator[Reconstruction]:
        """The picture after each denoising step, all from the same bytes; see `CodedPicture`."""
        decoder = self._codec.decoder_of(rendering)
        model, header = self._codec.model, self._bitstream.header
        context = model.context(self._codec.read(self._bitstream))
        stochastic = decoder is Decoder.STOCHASTIC
        gamma, eta = (rendering.gamma, rendering.eta) if stochastic else (0.0, 0.0)
        num_steps = self._num_steps(rendering)
        noise = model.start(context, gamma, rendering.seed)
        states = model.synthesise(context, noise, num_steps, eta=eta, seed=rendering.seed)
        for number, (clean, state) in enumerate(states, 1):
            image = (state if number == num_steps else clean)[:, :, : header.height, : header.width]
            yield Reconstruction(partial(_finished, image), self.num_bytes, number, num_steps, 0.0, decoder)

    def work(self, rendering: Rendering, start: State | None = None) -> Work:
        """The context, and an evaluation of the U-Net for each denoising step."""
        header = self._bitstream.header
        return Work(padded_pixels(header.width, header.height, MULTIPLE), 1 + self._num_steps(rendering))

    def bits_by_cell(self, original: Pixels | None, states: Sequence[State]) -> CellBits:
        """Where in the picture, padded, the bits went; the original is not needed."""
        header = self._bitstream.header
        received = self._codec.payload.read(self._bitstream.payload, header.width, header.height, _code_of(header))
        return CellBits(self._codec.payload.bits_by_position(received), LATENT_CELL)

    def _num_steps(self, rendering: Rendering) -> int:
        model = self._codec.model
        return min(rendering.steps or model.default_steps, model.schedule.num_steps)


def _finished(image: Tensor) -> Tensor:
    return image.clamp(-1, 1).float().cpu()


def _code_of(header: Header) -> int:
    """Of the quantisation step in a header.

    Raises:
        CorruptBitstream: it is none that an encoder writes.
    """
    if header.codec_id != Cdc.codec_id or len(header.parameters) != 1:
        raise CorruptBitstream("The file was not written by CDC.")
    if header.parameters[0] > LARGEST_CODE:
        raise CorruptBitstream("The file's header asks for a quantisation step that no encoder writes.")
    return header.parameters[0]


def _first(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The smallest number from low to high for which it holds, given that it holds from some number on; else high."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
